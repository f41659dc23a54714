// What clients say in AUTH, decoded: whatever it is, an exchange comes to its end within a few steps, answers are bounded, and
// only who knows the password gets in. The first octet names the mechanism; then come responses, each with its length in two
// octets before it, of which 0xFFFF stands for none at all.
#include "base/assert.hpp"
#include "system/auth_service.hpp"
#include "system/password_hash.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace posthorn;
using Kind = world::AuthAnswer::Kind;

constexpr std::string_view password = "open sesame";
constexpr int most_steps = 12;
constexpr std::size_t longest_answer = 16'384;

class OneUser final : public system::VerifierBook {
 public:
  Entry find(std::string_view name, bool /*for_scram*/) override {
    return {"alice", verifier_.copy(), name != "alice"};
  }
  bool has_scram() override { return true; }

 private:
  // Few iterations: a run is of many inputs.
  const Secret verifier_{system::to_hash(system::ScramVerifier{.iterations = 4'096,
                                                               .salt = std::string(16, 's'),
                                                               .stored_key = std::string(32, 'k'),
                                                               .server_key = std::string(32, 'v')})
                             .reveal()
                             .data()};
};

/// Knows one password, by comparison: no hash is computed.
class OnePassword final : public system::PasswordSource {
 public:
  system::PasswordVerdict check(const system::PasswordQuestion& question) override {
    const bool is_right = question.name == "alice" && question.password.reveal() == password;
    return is_right ? system::PasswordVerdict{system::PasswordVerdict::Kind::right, "alice"}
                    : system::PasswordVerdict{};
  }
};

struct Input {
  std::string_view rest;

  std::uint8_t octet() {
    if (rest.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    return first;
  }
  std::optional<Secret> response() {
    const auto size = static_cast<std::size_t>(octet()) << 8U | octet();
    if (size == 0xFFFF) return std::nullopt;
    const auto text = rest.substr(0, size);
    rest.remove_prefix(text.size());
    return Secret{std::string{text}};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array mechanisms{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "GSSAPI", ""};
  static OneUser book;
  static OnePassword source;
  static system::AuthService service{{&source}, &book};
  const std::string octets{data, data + size};
  Input input{octets};
  const auto first = input.octet();
  const std::string mechanism = mechanisms.at(first % mechanisms.size());
  const bool is_bound = mechanism.ends_with("PLUS") || first >= 128;
  const auto exchange =
      service.begin({.mechanism = mechanism, .exporter_binding = is_bound ? std::string(32, 'b') : std::string{}});
  bool has_password = false;
  for (int step = 0;; ++step) {
    ensure(step < most_steps, "an exchange comes to its end");
    auto response = input.response();
    has_password = has_password || (response && response->reveal().contains(password));
    auto answer = exchange->respond(response);
    if (answer.kind == Kind::claim) answer = exchange->proceed();
    ensure(answer.text.size() <= longest_answer, "an answer is bounded");
    if (answer.kind == Kind::success) {
      ensure(has_password && !mechanism.starts_with("SCRAM"), "only who knows the password gets in");
      ensure(answer.text == "alice", "as whom the password is");
    }
    if (answer.kind != Kind::challenge) return 0;
  }
}
