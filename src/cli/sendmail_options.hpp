// The options of `sendmail` as the software of the last decades gives them: letters that may be joined, values that may
// stand in the same word. What only other servers know is taken and changes nothing, so that no caller fails by it.
#pragma once

#include "mail/envelope.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

struct SendmailOptions {
  enum class Mode : std::uint8_t {
    deliver,        ///< -bm: a message from standard input
    smtp,           ///< -bs: SMTP on standard input and output
    list_queue,     ///< -bp
    check_aliases,  ///< -bi
    flush_queue,    ///< -q
    help,
    version,
  };
  Mode mode = Mode::deliver;
  bool names_recipients_in_header = false;  ///< -t
  bool a_dot_ends = true;                   ///< without -i
  bool is_verbose = false;                  ///< -v
  std::optional<std::string> sender{};      ///< -f, as it was typed; empty or "<>": the null sender
  std::string full_name{};                  ///< -F
  mail::Notify notify{};                    ///< -N
  mail::ReturnContent return_content = mail::ReturnContent::unspecified;  ///< -R
  std::string envelope_id{};                                              ///< -V
  std::string configuration{};                                            ///< -C, -c
  std::vector<std::string> recipients{};
};

/// Error: one line for the user.
[[nodiscard]] std::expected<SendmailOptions, std::string> parse_sendmail_options(std::span<const std::string> words);

/// One letter, for the help text.
struct SendmailOption {
  std::string_view name;   ///< "-f"
  std::string_view value;  ///< "ADDRESS"; empty: none
  std::string_view text;
};
[[nodiscard]] std::span<const SendmailOption> sendmail_option_texts();

}  // namespace posthorn::cli
