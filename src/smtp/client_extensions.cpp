#include "smtp/client_extensions.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace posthorn::smtp {
namespace {

constexpr std::size_t most_mechanisms = 32;

/// Takes the next word off the front; empty at the end.
std::string_view take_word(std::string_view& text) {
  text = ascii::trim(text);
  const auto word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

/// RFC 4954 §3: `AUTH PLAIN LOGIN`; servers of old also write `AUTH=PLAIN LOGIN`.
void read_mechanisms(std::string_view words, std::vector<std::string>& mechanisms) {
  for (auto word = take_word(words); !word.empty(); word = take_word(words)) {
    auto name = ascii::upper(word);
    const bool is_known = std::ranges::find(mechanisms, name) != mechanisms.end();
    if (!is_known && mechanisms.size() < most_mechanisms) mechanisms.push_back(std::move(name));
  }
}

/// RFC 9422: a whole number above 0 of at most six digits.
std::optional<std::uint32_t> limit_of(std::string_view digits) {
  const auto number = digits.size() <= 6 ? ascii::to_number(digits) : std::nullopt;
  if (!number || *number == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

void read_limits(std::string_view words, PeerExtensions& peer) {
  for (auto word = take_word(words); !word.empty(); word = take_word(words)) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = word.substr(0, equals);
    const auto limit = limit_of(word.substr(equals + 1));
    if (!limit) continue;
    if (ascii::same_word(name, "RCPTMAX")) peer.recipients_limit = limit;
    if (ascii::same_word(name, "MAILMAX")) peer.transactions_limit = limit;
  }
}

void read_size(std::string_view words, PeerExtensions& peer) {
  peer.size = true;
  // RFC 1870 §4: 0 or nothing means that no fixed limit is in force.
  peer.size_limit = ascii::to_number(take_word(words)).value_or(0);
}

bool* flag_of(std::string_view keyword, PeerExtensions& peer) {
  struct Flag {
    std::string_view keyword;
    bool PeerExtensions::* member;
  };
  static constexpr std::array flags{
      Flag{"PIPELINING", &PeerExtensions::pipelining},
      Flag{"8BITMIME", &PeerExtensions::eight_bit_mime},
      Flag{"SMTPUTF8", &PeerExtensions::smtputf8},
      Flag{"CHUNKING", &PeerExtensions::chunking},
      Flag{"BINARYMIME", &PeerExtensions::binary_mime},
      Flag{"DSN", &PeerExtensions::dsn},
      Flag{"ENHANCEDSTATUSCODES", &PeerExtensions::enhanced_status},
      Flag{"STARTTLS", &PeerExtensions::starttls},
      Flag{"REQUIRETLS", &PeerExtensions::require_tls},
  };
  const auto found =
      std::ranges::find_if(flags, [keyword](const Flag& flag) { return ascii::same_word(flag.keyword, keyword); });
  return found == flags.end() ? nullptr : &(peer.*(found->member));
}

void read_line(std::string_view line, PeerExtensions& peer) {
  auto rest = line;
  const auto keyword = take_word(rest);
  if (auto* flag = flag_of(keyword, peer)) {
    *flag = true;
  } else if (ascii::same_word(keyword, "SIZE")) {
    read_size(rest, peer);
  } else if (ascii::same_word(keyword, "AUTH")) {
    read_mechanisms(rest, peer.auth_mechanisms);
  } else if (ascii::starts_with_word(keyword, "AUTH=")) {
    read_mechanisms(keyword.substr(5), peer.auth_mechanisms);
    read_mechanisms(rest, peer.auth_mechanisms);
  } else if (ascii::same_word(keyword, "LIMITS")) {
    read_limits(rest, peer);
  }
}

}  // namespace

PeerExtensions PeerExtensions::read(const PeerReply& reply) {
  PeerExtensions peer;
  // The first line is the server's name and greeting.
  for (const auto& line : std::span(reply.lines).subspan(reply.lines.empty() ? 0 : 1)) read_line(line, peer);
  return peer;
}

}  // namespace posthorn::smtp
