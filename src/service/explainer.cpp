#include "service/explainer.hpp"

#include "rules/relay_rules.hpp"
#include "service/json_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

constexpr std::size_t redirects_followed = 10;

std::string_view result_text(Explanation::Result result) {
  switch (result) {
    case Explanation::Result::local:
      return "local";
    case Explanation::Result::remote:
      return "remote";
    case Explanation::Result::refused:
      return "refused";
  }
  bug("a result without a name");
}

std::string_view tls_text(smtp::RemoteTls tls) {
  switch (tls) {
    case smtp::RemoteTls::none:
      return "none: sent in the clear";
    case smtp::RemoteTls::may:
      return "may: encrypted when the host offers it, whatever its certificate; else in the clear";
    case smtp::RemoteTls::require:
      return "require: encrypted, or not sent";
    case smtp::RemoteTls::verify:
      return "verify: encrypted with a certificate that proves the name, or not sent";
  }
  bug("a policy without a name");
}

std::string_view security_text(world::DnsSecurity security) {
  switch (security) {
    case world::DnsSecurity::secure:
      return ", proved by DNSSEC";
    case world::DnsSecurity::insecure:
      return "";
    case world::DnsSecurity::bogus:
      return ", refused: DNSSEC says that it is forged";
  }
  bug("a kind of answer without a name");
}

std::string mx_text(const std::string& domain, const world::DnsAnswer& answer) {
  using enum world::DnsAnswer::Status;
  switch (answer.status) {
    case no_records:
      return domain + " has no MX: its own address counts";
    case no_name:
      return domain + " does not exist";
    case failed:
      return fmt::format("the MX of {} cannot be looked up now: {}", domain, answer.why);
    case found:
      break;
  }
  std::string text;
  for (const auto& record : answer.records) {
    const auto* mx = std::get_if<world::MxRecord>(&record);
    if (mx == nullptr) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", mx->preference, mx->host.empty() ? "." : mx->host);
  }
  return fmt::format("{} has {}{}", domain, text, security_text(answer.security));
}

std::string way_text(const rules::Way& way) {
  switch (way.kind) {
    case rules::Way::Kind::mx:
      return way.rule + ": by the MX records of its domain";
    case rules::Way::Kind::hop:
      return way.rule + ": to " + way.hop.to_string();
    case rules::Way::Kind::files:
      return way.rule + ": into files under .OTHER_SERVERS; nothing is sent";
  }
  bug("a way without a name");
}

std::string words_of(const smtp::Reply& reply) {
  const auto status = reply.status() ? reply.status()->to_string() + " " : std::string{};
  return fmt::format("{} {}{}", reply.code(), status, reply.text());
}

std::string_view role_text(rules::ListenerRole role) {
  switch (role) {
    case rules::ListenerRole::mx:
      return "mx (anyone)";
    case rules::ListenerRole::relay:
      return "relay (trusted clients)";
    case rules::ListenerRole::submission:
      return "submission (authenticated users)";
  }
  bug("a role without a name");
}

Result<mail::Address> in_own_domain(std::string_view name, const rules::Directory& directory) {
  const auto domain = mail::Domain::parse(directory.primary_domain());
  return domain ? mail::Address::make(name, *domain) : failure(domain.error());
}

}  // namespace

Result<mail::Address> Explainer::address_of(std::string_view text, const rules::Directory& directory) {
  if (text.empty()) return failure(Error::Kind::invalid, "it is empty");
  return text.contains('@') ? mail::Address::parse(text) : in_own_domain(text, directory);
}

std::string to_json(const Explanation& explanation) {
  std::string out;
  JsonObject object(out);
  object.text("address", explanation.address).text("result", result_text(explanation.result));
  object.open("steps");
  out += '[';
  for (const auto& step : explanation.steps) {
    if (out.back() != '[') out += ',';
    JsonObject(out).text("step", step.what).text("text", step.text).end();
  }
  out += ']';
  object.end();
  return out;
}

world::Task<Explanation> Explainer::explain(std::string text) const {
  Explanation told{.address = text};
  const auto directory = world_.directory();
  const auto address = address_of(text, *directory);
  if (!address) {
    told.steps.push_back({"address", "it is no address: " + address.error().text});
    co_return told;
  }
  told.address = address->to_string();
  const bool is_local = directory->is_local_domain(address->domain());
  told.steps.push_back({"address", fmt::format("{} is {}", address->domain(),
                                               is_local ? "one of our domains" : "not a domain of ours")});
  explain_listeners(is_local, told);
  if (!is_local) {
    told.result = Explanation::Result::remote;
    explain_queue(told);
    co_await explain_remote(*address, told);
    co_return told;
  }
  const auto resolution = rules::resolve(*address, *directory);
  if (const auto refusal = rules::refusal_of(resolution)) {
    if (const auto* broken = std::get_if<rules::BrokenAlias>(&resolution)) told.steps.push_back({"alias", broken->why});
    told.steps.push_back({"result", "refused at RCPT: " + words_of(*refusal)});
    co_return told;
  }
  told.result = Explanation::Result::local;
  explain_queue(told);
  co_await explain_ends(std::get<rules::Routed>(resolution), {}, told);
  co_return told;
}

world::Task<> Explainer::explain_ends(rules::Routed routed, Users followed, Explanation& told) const {
  if (routed.by_alias)
    told.steps.push_back({"alias", fmt::format("an alias leads to {} ends", routed.destinations.size())});
  for (const auto& fault : routed.faults) told.steps.push_back({"alias", "a part of it leads nowhere: " + fault});
  for (const auto& destination : routed.destinations) {
    if (const auto* mailbox = std::get_if<rules::MailboxDestination>(&destination)) {
      co_await explain_mailbox(*mailbox, followed, told);
      continue;
    }
    const auto& remote = std::get<rules::RemoteDestination>(destination).address;
    told.steps.push_back({"alias", "to " + remote.to_string()});
    co_await explain_remote(remote, told);
  }
}

world::Task<> Explainer::explain_mailbox(rules::MailboxDestination mailbox, Users followed, Explanation& told) const {
  const auto& user = mailbox.user.text();
  if (std::ranges::find(followed, user) != followed.end()) {
    told.steps.push_back({"forward", fmt::format("back to {}: mail that has been there comes back with 5.4.6", user)});
    co_return;
  }
  auto forward = co_await find_forward(user);
  if (!forward && !does_not_count(forward.error())) {
    told.steps.push_back({"forward", fmt::format("the redirect of {} cannot be read here, and decides where the mail "
                                                 "goes: {}",
                                                 user, forward.error().text)});
    co_return;
  }
  if (!forward) {
    told.steps.push_back({"forward", fmt::format("the redirect of {} does not count: {}", user, forward.error().text)});
  } else if (*forward && !(*forward)->targets.empty()) {
    co_await explain_forward(user, std::move(**forward), std::move(followed), told);
    co_return;
  }
  told.steps.push_back({"mailbox", fmt::format("into the mailbox of {}", user)});
}

world::Task<> Explainer::explain_forward(std::string user, store::Forward forward, Users followed,
                                         Explanation& told) const {
  for (const auto& fault : forward.faults)
    told.steps.push_back({"forward", fmt::format("a part of the redirect of {} leads nowhere: {}", user, fault)});
  if (forward.keeps_copy) told.steps.push_back({"mailbox", fmt::format("a copy into the mailbox of {}", user)});
  if (followed.size() >= redirects_followed) {
    told.steps.push_back({"forward", fmt::format("{} redirects it as well, and so on", user)});
    co_return;
  }
  followed.push_back(user);
  const auto directory = world_.directory();
  for (const auto& target : forward.targets) {
    const auto* local = std::get_if<rules::LocalTarget>(&target);
    const auto address = local != nullptr ? in_own_domain(local->local_part, *directory)
                                          : Result<mail::Address>(std::get<mail::Address>(target));
    if (!address) continue;
    told.steps.push_back({"forward", fmt::format("{} sends it on to {}", user, address->to_string())});
    co_await explain_target(*address, followed, told);
  }
}

world::Task<> Explainer::explain_target(mail::Address address, Users followed, Explanation& told) const {
  const auto directory = world_.directory();
  if (!directory->is_local_domain(address.domain())) {
    co_await explain_remote(std::move(address), told);
    co_return;
  }
  auto resolution = rules::resolve(address, *directory);
  if (auto* routed = std::get_if<rules::Routed>(&resolution)) {
    co_await explain_ends(std::move(*routed), std::move(followed), told);
  } else if (const auto refusal = rules::refusal_of(resolution)) {
    told.steps.push_back({"result", "comes back: " + words_of(*refusal)});
  }
}

world::Task<Result<std::optional<store::Forward>>> Explainer::find_forward(std::string user) const {
  if (!world_.forwards) co_return std::nullopt;
  if (world_.workers == nullptr) co_return world_.forwards(user);
  co_return co_await world::on_workers(*world_.workers, world_.loop, [&] { return world_.forwards(user); });
}

void Explainer::explain_listeners(bool is_local, Explanation& told) const {
  for (const auto& [role, name] : settings_.listeners) {
    const bool authenticates = role == rules::ListenerRole::submission;
    const auto refusal = rules::relay_refusal({.role = role, .is_authenticated = authenticates, .is_local = is_local});
    auto words = refusal ? "refused: " + words_of(*refusal) : std::string("may send there");
    told.steps.push_back({"listener", fmt::format("{}, {}: {}", name, role_text(role), words)});
  }
}

void Explainer::explain_queue(Explanation& told) const {
  if (!settings_.is_paused) return;
  told.steps.push_back({"queue", "paused by the configuration ([queue] paused): what is taken waits until it is not"});
}

world::Task<> Explainer::explain_remote(mail::Address address, Explanation& told) const {
  const std::string domain(address.domain());
  const auto routing = world_.routing.current();
  const auto way = routing->way_for(domain);
  told.steps.push_back({"route", way_text(way)});
  if (way.kind == rules::Way::Kind::files) co_return;
  if (way.hop.unix_path.empty()) co_await explain_hosts(way, domain, told);
  told.steps.push_back({"tls", std::string(tls_text(way.security.tls))});
  if (way.security.login) told.steps.push_back({"login", "as " + way.security.login->user});
}

world::Task<> Explainer::explain_hosts(rules::Way way, std::string domain, Explanation& told) const {
  const bool by_mx = way.kind == rules::Way::Kind::mx && !domain.starts_with('[');
  if (by_mx) {
    const auto deadline = after(world_.loop.now(), settings_.targets.timeout);
    const auto answer = co_await world_.resolver.query(domain, world::DnsType::mx, deadline);
    told.steps.push_back({"mx", mx_text(domain, answer)});
    if (answer.status == world::DnsAnswer::Status::failed) {
      told.steps.push_back({"result", "waits, and is tried again until DNS answers"});
      co_return;
    }
  }
  TargetFinder finder({world_.loop, world_.resolver, world_.random}, settings_.targets);
  const auto plan = co_await finder.find(std::move(way), std::move(domain));
  if (const auto* nowhere = std::get_if<rules::Unroutable>(&plan)) {
    const bool for_good = nowhere->status.is_permanent();
    told.steps.push_back(
        {"result", fmt::format("{}: {} {}", for_good ? "returned to its sender" : "waits, and is tried again",
                               nowhere->status.to_string(), nowhere->text)});
    co_return;
  }
  for (const auto& target : std::get<std::vector<rules::Target>>(plan)) {
    told.steps.push_back(
        {"host", fmt::format("{} {} at {}", target.preference, target.host, target.endpoint.to_string())});
  }
}

}  // namespace posthorn::service
