#include "service/send_entry.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"
#include "base/utf8.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace posthorn::service {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using RecipientState = SendEntry::Recipient::State;

constexpr unsigned version = 1;
constexpr std::size_t most_recipients = 10'000;

std::int64_t milliseconds_of(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}
std::int64_t microseconds_of(WallTime time) { return time.time_since_epoch().count(); }

std::string text_of(const std::optional<mail::Address>& address) { return address ? address->to_string() : ""; }

/// Reads members of one object and remembers the first that is missing or not what it must be.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  std::string text(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_string()) return fail(name), std::string{};
    return member->get<std::string>();
  }
  std::int64_t number(const char* name, std::int64_t least, std::int64_t most) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_number_integer()) return fail(name), least;
    const auto value = member->get<std::int64_t>();
    if (value < least || value > most) fail(name);
    return std::clamp(value, least, most);
  }
  /// As octets_of() wrote it.
  std::string octets(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_object()) return text(name);
    Members encoded(*member);
    auto decoded = base64::decode(encoded.text("base64"));
    if (!decoded || !encoded.fault().empty()) return fail(name), std::string{};
    return std::move(*decoded);
  }
  /// One that was not always written.
  bool flag_or_false(const char* name) { return find(name) != nullptr && flag(name); }
  bool flag(const char* name) {
    const auto* member = find(name);
    if (member == nullptr || !member->is_boolean()) return fail(name), false;
    return member->get<bool>();
  }
  std::optional<Duration> duration_or_null(const char* name) {
    const auto* member = find(name);
    if (member != nullptr && member->is_null()) return std::nullopt;
    return milliseconds(name);
  }
  Duration milliseconds(const char* name) { return std::chrono::milliseconds{number(name, 0, longest_milliseconds)}; }
  WallTime time(const char* name) {
    return WallTime{std::chrono::microseconds{number(name, 0, std::numeric_limits<std::int64_t>::max() / 2)}};
  }
  std::optional<mail::Address> address(const char* name) {
    auto parsed = mail::Address::parse(text(name));
    if (!parsed) return fail(name), std::nullopt;
    return std::move(*parsed);
  }
  const json& array(const char* name) {
    static const json empty = json::array();
    const auto* member = find(name);
    if (member == nullptr || !member->is_array()) return fail(name), empty;
    return *member;
  }
  template <class Value>
  Value one_of(const char* name, std::initializer_list<Value> values) {
    const auto word = text(name);
    const auto* found = std::ranges::find_if(values, [&](Value value) { return name_of(value) == word; });
    if (found == values.end()) return fail(name), *values.begin();
    return *found;
  }
  void fail(const std::string& name) {
    if (fault_.empty()) fault_ = name;
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  static constexpr std::int64_t longest_milliseconds = std::int64_t{100} * 365 * 86'400 * 1'000;

  const json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const json& object_;
  std::string fault_;
};

ordered_json written_recipient(const SendEntry::Recipient& recipient) {
  return {{"address", recipient.address.to_string()}, {"state", name_of(recipient.state)}, {"reply", recipient.reply}};
}

/// The name of a file, or of a user, may be any octets; JSON holds UTF-8 only.
ordered_json octets_of(const std::string& text) {
  if (utf8::is_valid(text)) return text;
  return ordered_json::object({{"base64", base64::encode(text)}});
}

ordered_json or_null(std::optional<Duration> duration) {
  return duration ? ordered_json(milliseconds_of(*duration)) : ordered_json(nullptr);
}

void read_recipients(Members& members, SendEntry& entry) {
  for (const auto& each : members.array("recipients")) {
    Members recipient(each);
    auto address = recipient.address("address");
    const auto state =
        recipient.one_of("state", {RecipientState::waiting, RecipientState::delivered, RecipientState::refused});
    auto reply = recipient.text("reply");
    if (!recipient.fault().empty() || entry.recipients.size() == most_recipients) return members.fail("recipients");
    entry.recipients.push_back({std::move(*address), state, std::move(reply)});
  }
  if (entry.recipients.empty()) members.fail("recipients");
}

void read_server(Members& members, SendEntry& entry) {
  entry.via_queue = members.flag_or_false("via_queue");
  entry.host = members.octets("host");
  entry.port = static_cast<std::uint16_t>(members.number("port", 1, 65'535));
  entry.family = members.text("family");
  entry.tls = members.one_of("tls", {ClientTls::none, ClientTls::starttls, ClientTls::require, ClientTls::implicit});
  entry.verifies_certificate = members.flag("verify");
  entry.user = members.octets("user");
  entry.password_file = members.octets("password_file");
  entry.hello_name = members.text("ehlo");
  entry.timeout = members.duration_or_null("timeout_ms");
}

void read_schedule(Members& members, SendEntry& entry) {
  entry.retry_after = members.duration_or_null("retry_after_ms");
  entry.expire = members.milliseconds("expire_ms");
  entry.age = members.milliseconds("age_ms");
  entry.attempts = static_cast<unsigned>(members.number("attempts", 0, 1'000'000'000));
  entry.created = members.time("created_us");
  entry.wait_began = members.time("wait_began_us");
  entry.next_attempt = members.time("next_attempt_us");
  entry.last_words = members.text("last_reply");
}

}  // namespace

bool SendEntry::is_id(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return ascii::is_lower(c) || ascii::is_digit(c); });
}

std::string_view name_of(SendEntry::State state) {
  switch (state) {
    case SendEntry::State::waiting:
      return "waiting";
    case SendEntry::State::failed:
      return "failed";
  }
  bug("a state has a name");
}

std::string_view name_of(RecipientState state) {
  switch (state) {
    case RecipientState::waiting:
      return "waiting";
    case RecipientState::delivered:
      return "delivered";
    case RecipientState::refused:
      return "refused";
  }
  bug("a state has a name");
}

std::string written(const SendEntry& entry) {
  auto recipients = ordered_json::array();
  for (const auto& recipient : entry.recipients) recipients.push_back(written_recipient(recipient));
  const ordered_json text{{"version", version},
                          {"id", entry.id},
                          {"state", name_of(entry.state)},
                          {"sender", text_of(entry.sender)},
                          {"recipients", std::move(recipients)},
                          {"subject", entry.subject},
                          {"octets", entry.octets},
                          {"via_queue", entry.via_queue},
                          {"host", octets_of(entry.host)},
                          {"port", entry.port},
                          {"family", entry.family},
                          {"tls", name_of(entry.tls)},
                          {"verify", entry.verifies_certificate},
                          {"user", octets_of(entry.user)},
                          {"password_file", octets_of(entry.password_file)},
                          {"ehlo", entry.hello_name},
                          {"timeout_ms", or_null(entry.timeout)},
                          {"retry_after_ms", or_null(entry.retry_after)},
                          {"expire_ms", milliseconds_of(entry.expire)},
                          {"age_ms", milliseconds_of(entry.age)},
                          {"attempts", entry.attempts},
                          {"created_us", microseconds_of(entry.created)},
                          {"wait_began_us", microseconds_of(entry.wait_began)},
                          {"next_attempt_us", microseconds_of(entry.next_attempt)},
                          {"last_reply", entry.last_words}};
  return text.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<SendEntry> parse_send_entry(std::string_view text) {
  const auto object = json::parse(text, nullptr, false);
  if (object.is_discarded()) return failure(Error::Kind::corrupt, "it is not JSON");
  Members members(object);
  SendEntry entry;
  members.number("version", version, version);
  entry.id = members.text("id");
  if (!SendEntry::is_id(entry.id)) members.fail("id");
  entry.state = members.one_of("state", {SendEntry::State::waiting, SendEntry::State::failed});
  if (!members.text("sender").empty()) entry.sender = members.address("sender");
  read_recipients(members, entry);
  entry.subject = members.text("subject");
  entry.octets = static_cast<std::uint64_t>(members.number("octets", 0, std::numeric_limits<std::int64_t>::max()));
  read_server(members, entry);
  read_schedule(members, entry);
  if (!members.fault().empty())
    return failure(Error::Kind::corrupt, "its member \"" + members.fault() + "\" is missing or wrong");
  return entry;
}

}  // namespace posthorn::service
