#include "system/unbound_context.hpp"

#include "system/dns_decode.hpp"
#include "system/hosts_file.hpp"
#include "system/system_error.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace posthorn::system {
namespace {

using world::DnsAnswer;
using world::DnsSecurity;
using world::DnsType;

constexpr int class_internet = 1;
constexpr std::uint16_t type_without_records = 48;  // DNSKEY

struct FreeResult {
  void operator()(ub_result* result) const { ::ub_resolve_free(result); }
};
using ResultPointer = std::unique_ptr<ub_result, FreeResult>;

struct Option {
  std::string_view name;
  std::string_view value;
};

constexpr std::array<Option, 9> options{{
    {"do-not-query-localhost:", "no"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"cache-max-ttl:", "3600"},
    {"cache-max-negative-ttl:", "300"},
    {"edns-buffer-size:", "1232"},
    // A server that was down is asked again soon.
    {"infra-host-ttl:", "30"},
    {"infra-keep-probing:", "yes"},
    {"use-syslog:", "no"},
}};

/// Zones that libunbound answers by itself, besides those of private addresses (RFC 6303, 6761, 7686, 8375, 9462).
constexpr std::array<std::string_view, 12> built_in_zones{
    "localhost.",
    "127.in-addr.arpa.",
    "test.",
    "invalid.",
    "onion.",
    "home.arpa.",
    "resolver.arpa.",
    "service.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "255.255.255.255.in-addr.arpa.",
};

/// Names that the root denies and private resolvers serve (RFC 6761, RFC 6762 appendix G, RFC 8375).
constexpr std::array<std::string_view, 14> private_zones{"test.",  "example.",  "invalid.",   "localhost.",    "local.",
                                                         "onion.", "internal.", "intranet.",  "private.",      "corp.",
                                                         "home.",  "lan.",      "home.arpa.", "resolver.arpa."};

Error unbound_error(std::string_view doing, int error) {
  return Error{Error::Kind::other, ::ub_strerror(error)}.context(doing);
}

Result<> set(ub_ctx* context, std::string_view name, const std::string& value) {
  const int error = ::ub_ctx_set_option(context, std::string{name}.c_str(), value.c_str());
  if (error != 0) return failure(unbound_error("set the resolver's " + std::string{name} + " " + value, error));
  return {};
}

Result<> set_options(ub_ctx* context, const UnboundSettings& settings) {
  Result<> done;
  for (const auto& [name, value] : options) {
    if (done) done = set(context, name, std::string{value});
  }
  for (const auto zone : private_zones) {
    if (done && settings.private_names_are_insecure) done = set(context, "domain-insecure:", std::string{zone});
  }
  if (done && settings.trust_anchor.empty()) done = set(context, "module-config:", "iterator");
  return done;
}

Result<> set_servers(ub_ctx* context, const std::vector<Endpoint>& servers) {
  for (const auto& server : servers) {
    const auto text = server.address.to_string() + "@" + std::to_string(server.port);
    if (const int error = ::ub_ctx_set_fwd(context, text.c_str()); error != 0) {
      return failure(unbound_error("ask the DNS server " + server.to_string(), error));
    }
  }
  if (!servers.empty()) return {};
  // Without that file the names are resolved from the root servers on.
  static_cast<void>(::ub_ctx_resolvconf(context, nullptr));
  return {};
}

Result<> set_anchor(ub_ctx* context, const std::string& file) {
  if (file.empty()) return {};
  if (::access(file.c_str(), R_OK) != 0) return system_failure("read the trust anchor " + file);
  if (const int error = ::ub_ctx_add_ta_file(context, file.c_str()); error != 0) {
    return failure(unbound_error("read the trust anchor " + file, error));
  }
  return {};
}

/// The option "local-zone: … nodefault" is taken by ub_ctx_set_option and has no effect; the zones are taken out of the
/// finished context instead.
Result<> remove_built_in_zones(ub_ctx* context) {
  for (const auto zone : built_in_zones) {
    if (const int error = ::ub_ctx_zone_remove(context, std::string{zone}.c_str()); error != 0) {
      return failure(unbound_error("leave the zone " + std::string{zone} + " to the DNS servers", error));
    }
  }
  return {};
}

/// To a finished context. An address that the hosts file has for a name is not asked for in DNS; other records are.
Result<> add_hosts(ub_ctx* context) {
  for (const auto& [name, address] : read_hosts()) {
    const auto record = name + (address.is_v4() ? ". A " : ". AAAA ") + address.to_string();
    int error = ::ub_ctx_zone_add(context, (name + ".").c_str(), "typetransparent");
    if (error == 0) error = ::ub_ctx_data_add(context, record.c_str());
    if (error != 0) return failure(unbound_error("take from /etc/hosts: " + record, error));
  }
  return {};
}

DnsAnswer failed(std::string why) { return {.status = DnsAnswer::Status::failed, .why = std::move(why)}; }

std::string rcode_text(int rcode) {
  static constexpr std::array<std::string_view, 6> names{"NOERROR",  "FORMERR", "SERVFAIL",
                                                         "NXDOMAIN", "NOTIMP",  "REFUSED"};
  const bool known = rcode >= 0 && static_cast<std::size_t>(rcode) < names.size();
  return known ? std::string{names.at(static_cast<std::size_t>(rcode))} : "response code " + std::to_string(rcode);
}

void add_records(DnsAnswer& answer, const ub_result& result, DnsType type) {
  for (std::size_t i = 0; result.data[i] != nullptr; ++i) {
    if (result.len[i] < 0) continue;
    auto record = decode_record(type, {result.data[i], static_cast<std::size_t>(result.len[i])});
    if (record) answer.records.push_back(std::move(*record));
  }
}

std::string without_final_dot(std::string_view name) {
  return std::string{name.ends_with('.') ? name.substr(0, name.size() - 1) : name};
}

}  // namespace

void UnboundContext::Free::operator()(ub_ctx* context) const { ::ub_ctx_delete(context); }

Result<std::unique_ptr<UnboundContext>> UnboundContext::make(const UnboundSettings& settings,
                                                             const world::Clock& clock) {
  ContextPointer context{::ub_ctx_create()};
  if (!context) return failure(Error::Kind::no_memory, "make a resolver");
  auto done = set_options(context.get(), settings);
  if (done) done = set_servers(context.get(), settings.servers);
  if (done) done = set_anchor(context.get(), settings.trust_anchor);
  if (done) {
    ::ub_ctx_async(context.get(), 1);
    done = remove_built_in_zones(context.get());
    if (done && settings.servers.empty()) done = add_hosts(context.get());
  }
  if (!done) return failure(std::move(done.error()));
  Descriptor wake{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!wake.is_open()) return system_failure("make a resolver");
  return std::make_unique<UnboundContext>(std::move(context), std::move(wake), !settings.trust_anchor.empty(), clock);
}

UnboundContext::UnboundContext(ContextPointer context, Descriptor wake, bool validates, const world::Clock& clock)
    : clock_(clock), context_(std::move(context)), wake_(std::move(wake)), validates_(validates) {
  thread_ = Thread{"dns", [this] { serve(); }};
}

UnboundContext::~UnboundContext() {
  {
    const std::lock_guard lock{mutex_};
    ends_ = true;
  }
  wake_thread();
  thread_.join();
}

void UnboundContext::ask(const std::string& name, std::uint16_t type, MonotonicTime limit, Callback callback) {
  auto owned = std::make_unique<Question>(Question{this, type, std::move(callback), {}});
  auto* const question = owned.get();
  bool is_earliest = false;
  {
    const std::lock_guard lock{mutex_};
    question->limit = limits_.emplace(limit, question);
    is_earliest = question->limit == limits_.begin();
    questions_.emplace(question, std::move(owned));
  }
  const int error =
      ::ub_resolve_async(context_.get(), name.c_str(), type, class_internet, question, on_answer, nullptr);
  if (error != 0) finish(question, failed(::ub_strerror(error)));
  if (is_earliest) wake_thread();
}

void UnboundContext::on_answer(void* asked, int error, ub_result* result) {
  auto* const question = static_cast<Question*>(asked);
  const ResultPointer owned{result};
  auto* const self = question->context;
  self->finish(question, error != 0 || !owned ? failed(::ub_strerror(error)) : self->decode(*owned, question->type));
}

void UnboundContext::finish(Question* question, DnsAnswer answer) {
  Callback callback;
  {
    const std::lock_guard lock{mutex_};
    callback = take_callback(*question);
    questions_.erase(question);
  }
  if (callback) callback(std::move(answer));
}

UnboundContext::Callback UnboundContext::take_callback(Question& question) {
  if (question.limit != limits_.end()) limits_.erase(std::exchange(question.limit, limits_.end()));
  return std::exchange(question.callback, nullptr);
}

DnsAnswer UnboundContext::decode(const ub_result& result, std::uint16_t type) const {
  if (result.bogus != 0) {
    auto answer = failed(result.why_bogus == nullptr ? "bogus" : result.why_bogus);
    answer.security = DnsSecurity::bogus;
    return answer;
  }
  DnsAnswer answer;
  answer.security = validates_ && result.secure != 0 ? DnsSecurity::secure : DnsSecurity::insecure;
  answer.ttl = static_cast<std::uint32_t>(std::max(result.ttl, 0));
  if (result.canonname != nullptr) answer.canonical_name = without_final_dot(result.canonname);
  if (result.nxdomain != 0) {
    answer.status = DnsAnswer::Status::no_name;
  } else if (result.rcode != 0) {
    return failed(rcode_text(result.rcode));
  } else if (result.havedata == 0) {
    answer.status = DnsAnswer::Status::no_records;
  } else {
    answer.status = DnsAnswer::Status::found;
    add_records(answer, result, DnsType{type});
    if (answer.records.empty() && type != type_without_records) return failed("no record of the answer can be read");
  }
  return answer;
}

void UnboundContext::serve() {
  std::array<pollfd, 2> watched{{{.fd = ::ub_fd(context_.get()), .events = POLLIN, .revents = 0},
                                 {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    ::poll(watched.data(), watched.size(), next_wait());
    if (watched[1].revents != 0) {
      std::uint64_t count = 0;
      static_cast<void>(::read(wake_.get(), &count, sizeof count));
    }
    {
      const std::lock_guard lock{mutex_};
      if (ends_) return;
    }
    if (watched[0].revents != 0) ::ub_process(context_.get());
    end_overdue();
  }
}

int UnboundContext::next_wait() {
  const std::lock_guard lock{mutex_};
  if (limits_.empty() || limits_.begin()->first == never) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limits_.begin()->first - clock_.now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 3'600'000));
}

void UnboundContext::end_overdue() {
  for (;;) {
    Callback callback;
    {
      const std::lock_guard lock{mutex_};
      if (limits_.empty() || limits_.begin()->first > clock_.now()) return;
      callback = take_callback(*limits_.begin()->second);
    }
    if (callback) callback(failed("no answer in time"));
  }
}

void UnboundContext::wake_thread() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

}  // namespace posthorn::system
