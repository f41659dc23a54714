#include "store/delivery_wire.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/clean_text.hpp"

#include <chrono>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::size_t place_octets = sizeof(std::uint32_t);

std::unexpected<Error> malformed() {
  return failure(Error::Kind::corrupt, "a malformed packet about a mail on its way into a mailbox");
}

void put(ByteWriter& writer, const Error& error) {
  writer.put(static_cast<std::uint8_t>(error.kind));
  writer.put_text(std::string_view{error.text}.substr(0, DeliveryLimits::error));
}

Error take_error(ByteReader& reader) {
  const auto kind = reader.take_enum(Error::Kind::other);
  return {kind, LogText{reader.take_text(DeliveryLimits::error), DeliveryLimits::error}.text()};
}

}  // namespace

std::string encode(const StagedMail& staged) {
  const auto& mail = staged.mail;
  ByteWriter writer;
  writer.put(staged.place);
  writer.put_text(mail.name);
  writer.put(mail.id.value());
  writer.put_flag(mail.sender.has_value());
  writer.put_text(mail.sender ? mail.sender->to_string() : std::string{});
  writer.put(std::int64_t{mail.arrival.time_since_epoch().count()});
  writer.put_text(mail.head);
  writer.put_flag(mail.may_be_repeat);
  writer.put_text(mail.folder);
  return writer.take();
}

Result<StagedMail> decode_staged_mail(std::string_view octets) {
  ByteReader reader{octets};
  StagedMail staged;
  staged.place = reader.take<std::uint32_t>();
  auto& mail = staged.mail;
  mail.name = reader.take_text(DeliveryLimits::name);
  mail.id = MessageId{reader.take<std::uint64_t>()};
  const bool has_sender = reader.take_flag();
  const auto sender = reader.take_text(DeliveryLimits::head);
  mail.arrival = WallTime{WallTime::duration{reader.take_signed()}};
  mail.head = reader.take_text(DeliveryLimits::head);
  mail.may_be_repeat = reader.take_flag();
  mail.folder = reader.take_text(DeliveryLimits::name);
  if (!reader.complete() || mail.name.empty()) return malformed();
  if (!has_sender) return sender.empty() ? Result<StagedMail>{std::move(staged)} : malformed();
  auto address = mail::Address::parse(sender);
  if (!address) return malformed();
  mail.sender = std::move(*address);
  return staged;
}

std::string encode(const TextPiece& piece) {
  ByteWriter writer;
  writer.put(piece.place);
  writer.put_text(piece.octets);
  return writer.take();
}

Result<TextPiece> decode_text_piece(std::string_view octets) {
  ByteReader reader{octets};
  const TextPiece piece{.place = reader.take<std::uint32_t>(), .octets = reader.take_text(DeliveryLimits::piece)};
  if (!reader.complete()) return malformed();
  return piece;
}

std::string encode_place(std::uint32_t place) {
  ByteWriter writer;
  writer.put(place);
  return writer.take();
}

Result<std::uint32_t> decode_place(std::string_view octets) {
  ByteReader reader{octets};
  const auto place = reader.take<std::uint32_t>();
  if (!reader.complete()) return malformed();
  return place;
}

std::string encode_places(const std::vector<std::uint32_t>& places) {
  ByteWriter writer;
  writer.put(static_cast<std::uint32_t>(places.size()));
  for (const auto place : places) writer.put(place);
  return writer.take();
}

Result<std::vector<std::uint32_t>> decode_places(std::string_view octets) {
  ByteReader reader{octets};
  std::vector<std::uint32_t> places(reader.take_count(place_octets));
  for (auto& place : places) place = reader.take<std::uint32_t>();
  if (!reader.complete() || places.size() > DeliveryLimits::mails) return malformed();
  return places;
}

std::string encode(const Error& error) {
  ByteWriter writer;
  put(writer, error);
  return writer.take();
}

Result<Error> decode_error(std::string_view octets) {
  ByteReader reader{octets};
  auto error = take_error(reader);
  if (!reader.complete()) return malformed();
  return error;
}

std::string encode(const MailResult& result) {
  ByteWriter writer;
  writer.put(result.place);
  writer.put_flag(result.result.has_value());
  if (!result.result) put(writer, result.result.error());
  return writer.take();
}

Result<MailResult> decode_mail_result(std::string_view octets) {
  ByteReader reader{octets};
  MailResult result{.place = reader.take<std::uint32_t>(), .result = {}};
  if (!reader.take_flag()) result.result = failure(take_error(reader));
  if (!reader.complete()) return malformed();
  return result;
}

}  // namespace posthorn::store
