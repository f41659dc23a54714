// What the engine and a worker that writes one user's mail say to each other (docs/decisions/0062-mail-as-the-user.md): fixed
// forms of numbers and bounded texts in packets of a kind and a payload. Each side takes the other for hostile; what does not
// fit to the last octet is refused as a whole. The order of packets is DeliveryDesk's.
#pragma once

#include "base/result.hpp"
#include "store/mailbox_pending.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

enum class DeliveryPacket : std::uint16_t {
  // From the engine; a mail is named by its place, counted from 0:
  stage = 16,  ///< StagedMail
  text,        ///< place, then octets
  finish,      ///< place
  drop,        ///< place
  publish,     ///< places, in the order in which the mails shall stand
  // From the worker:
  opened,
  refused,    ///< the Error with which the mailbox was not opened; nothing follows
  result,     ///< MailResult, one for each place that was named
  published,  ///< all results were sent
};

struct DeliveryLimits {
  static constexpr std::size_t mails = 8'000;   ///< of one batch; its places fit into a packet
  static constexpr std::size_t piece = 32'000;  ///< octets of text in one packet
  static constexpr std::size_t head = 8'000;    ///< octets of the fields that are put on top
  static constexpr std::size_t name = 255;
  static constexpr std::size_t error = 2'000;
};

struct StagedMail {
  std::uint32_t place = 0;
  IncomingMail mail;
};
[[nodiscard]] std::string encode(const StagedMail& staged);
/// Errors, of all that follow: corrupt.
[[nodiscard]] Result<StagedMail> decode_staged_mail(std::string_view octets);

struct TextPiece {
  std::uint32_t place = 0;
  std::string_view octets;
};
[[nodiscard]] std::string encode(const TextPiece& piece);
/// The octets live as long as those it was given.
[[nodiscard]] Result<TextPiece> decode_text_piece(std::string_view octets);

[[nodiscard]] std::string encode_place(std::uint32_t place);
[[nodiscard]] Result<std::uint32_t> decode_place(std::string_view octets);
[[nodiscard]] std::string encode_places(const std::vector<std::uint32_t>& places);
[[nodiscard]] Result<std::vector<std::uint32_t>> decode_places(std::string_view octets);

/// The text is cut to its limit, and cleaned when it is read.
[[nodiscard]] std::string encode(const Error& error);
[[nodiscard]] Result<Error> decode_error(std::string_view octets);

struct MailResult {
  std::uint32_t place = 0;
  Result<> result{};
};
[[nodiscard]] std::string encode(const MailResult& result);
[[nodiscard]] Result<MailResult> decode_mail_result(std::string_view octets);

}  // namespace posthorn::store
