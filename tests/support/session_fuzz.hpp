// What the fuzz targets of the server session share: an input's first octets say how the session is set and how its
// questions are answered; what follows is what the client sends, 0xFE between one burst and the next.
#pragma once

#include "smtp/standard_replies.hpp"
#include "support/memory_reception.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::testing {

struct SessionInput {
  static constexpr std::size_t control_octets = 8;
  std::array<unsigned char, control_octets> control{};
  std::vector<std::string> bursts;

  explicit SessionInput(std::string_view bytes) {
    for (auto& octet : control) {
      if (bytes.empty()) break;
      octet = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
    }
    for (;;) {
      const auto end = bytes.find('\xfe');
      bursts.emplace_back(bytes.substr(0, end));
      if (end == std::string_view::npos) break;
      bytes.remove_prefix(end + 1);
    }
  }

  /// Small bounds, so that short inputs reach them.
  [[nodiscard]] smtp::ServerSettings settings() const {
    smtp::ServerSettings set{.hostname = "mx.example.org", .postmaster = {}, .auth_mechanisms = {}};
    set.starttls = true;
    set.auth_mechanisms = {{.name = "PLAIN"}, {.name = "SCRAM-SHA-256", .needs_encryption = false}};
    // A driver that fails a message at its first octets is asked after as many as lie together: not with a limit beside.
    set.message_octets = fails_messages() ? 1 << 20 : 200;
    set.least_discard_octets = 300;
    set.recipients = 3;
    set.recipient_overshoot = 2;
    set.errors = 6;
    set.junk_commands = 10;
    set.authentication_failures = 3;
    set.command_octets = 60;
    set.parameter_command_octets = 150;
    set.auth_octets = 200;
    set.discard_line_octets = 400;
    return set;
  }
  [[nodiscard]] bool fails_messages() const { return (control[0] & 1) != 0; }
};

/// The answers to questions, the same for the same input: each kind has its own sequence.
class Decisions {
 public:
  explicit Decisions(const SessionInput& input) : input_(input) {}

  /// 0: yes.
  unsigned operator()(std::string_view kind) {
    static const std::map<std::string_view, std::array<unsigned, 4>> codes{
        {"sender", {0, 0, 451, 550}},  {"recipient", {0, 0, 450, 550}}, {"begin", {0, 0, 452, 554}},
        {"bytes", {0, 452, 554, 421}}, {"end", {0, 0, 451, 554}},       {"authentication", {0, 334, 454, 535}}};
    if (kind == "verify" || (kind == "bytes" && !input_.fails_messages())) return 0;
    const auto& choices = codes.at(kind);
    const auto place = static_cast<std::size_t>(std::distance(codes.begin(), codes.find(kind)));
    const auto asked = asked_[kind]++;
    const unsigned octet = input_.control.at(1 + place);
    return choices.at((octet >> (asked % 4 * 2)) & 3U);
  }

 private:
  const SessionInput& input_;
  std::map<std::string_view, unsigned> asked_;
};

[[nodiscard]] inline smtp::Reply reply_of(unsigned code) { return {code, {code / 100, 0, 0}, "as the input says"}; }

/// A session that is answered as the input says.
inline void decide_by(MemoryReception& server, Decisions& decisions) {
  server.decide = [&decisions](std::string_view kind) {
    const auto code = decisions(kind);
    return code == 0 ? std::optional<smtp::Reply>{} : reply_of(code);
  };
  server.decide_authentication = [&decisions]() -> MemoryReception::Answers::Step {
    const auto code = decisions("authentication");
    if (code == 0) return MemoryReception::Answers::User{"alice"};
    if (code == 334) return MemoryReception::Answers::Challenge{"more"};
    return reply_of(code);
  };
}

}  // namespace posthorn::testing
