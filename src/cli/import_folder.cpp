#include "cli/import_folder.hpp"

#include "base/clean_text.hpp"
#include "cli/client_world.hpp"
#include "cli/error_status.hpp"
#include "cli/local_server.hpp"
#include "rules/next_hop.hpp"
#include "service/file_letter.hpp"
#include "service/send_attempt.hpp"
#include "service/silent_watcher.hpp"
#include "store/handover_letters.hpp"
#include "system/posix_disk.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace posthorn::cli {
namespace {

using Kind = smtp::Outcome::Kind;

constexpr std::uint16_t smtp_port = 25;
constexpr Duration name_timeout = std::chrono::seconds{30};

/// What became of one letter.
struct Fates {
  std::vector<mail::Address> waiting;
  std::vector<mail::Address> refused;
  std::string why;  ///< the last reason that somebody waits or was refused
};

class Importer {
 public:
  Importer(const ImportOrder& order, ClientWorld& client, service::ServerAccess access, Console& console)
      : order_(order), client_(client), access_(std::move(access)), console_(console) {}

  ExitStatus run();

 private:
  [[nodiscard]] Result<> send_all_for(const mail::Domain& domain);
  [[nodiscard]] Result<> send(store::HandOverLetters& letters, const std::string& name);
  [[nodiscard]] Result<Fates> offer(store::HandOverLetters& letters, const std::string& name,
                                    const store::LetterEnvelope& envelope);
  [[nodiscard]] Result<> settle(store::HandOverLetters& letters, const std::string& name,
                                const store::LetterEnvelope& envelope, const Fates& fates);
  [[nodiscard]] ExitStatus finish();

  const ImportOrder& order_;
  ClientWorld& client_;
  service::ServerAccess access_;
  Console& console_;
  system::PosixDisk disk_;
  std::string place_;  // of the letter under way, for messages
  std::size_t sent_ = 0;
  std::size_t waiting_ = 0;
  std::size_t set_aside_ = 0;
  std::size_t faults_ = 0;
};

ExitStatus Importer::run() {
  if (const auto root = disk_.open_root(order_.root); !root) {
    console_.complain("the mail folder {}: {}", order_.root, LogText(root.error().text).text());
    return root.error().kind == Error::Kind::not_found ? ExitStatus::no_input : status_of(root.error());
  }
  const auto lock = store::lock_letters(disk_, order_.root);
  if (!lock && lock.error().kind == Error::Kind::not_found) return finish();
  if (!lock) {
    console_.complain("{}", lock.error().text);
    return lock.error().kind == Error::Kind::in_use ? ExitStatus::temporary : status_of(lock.error());
  }
  const auto domains = store::domains_with_letters(disk_, order_.root);
  if (!domains) {
    console_.complain("{}", domains.error().text);
    return status_of(domains.error());
  }
  for (const auto& domain : *domains) {
    const auto done = send_all_for(domain);
    if (done) continue;
    console_.complain("{}: {}", domain.text(), LogText(done.error().text).text());
    ++faults_;
  }
  return finish();
}

Result<> Importer::send_all_for(const mail::Domain& domain) {
  auto letters = store::HandOverLetters::open(disk_, order_.root, domain);
  if (!letters) return failure(letters.error());
  const auto names = letters->names();
  if (!names) return failure(names.error());
  for (const auto& name : *names) {
    place_ = domain.text() + "/" + name;
    if (auto done = send(*letters, name); !done) return done;
  }
  return {};
}

Result<> Importer::send(store::HandOverLetters& letters, const std::string& name) {
  const auto envelope = letters.envelope_of(name);
  if (!envelope && envelope.error().kind != Error::Kind::invalid) return failure(envelope.error());
  if (!envelope) {
    console_.complain("{} is set aside: {}", place_, LogText(envelope.error().text).text());
    ++set_aside_;
    return letters.set_aside(name);
  }
  const auto fates = offer(letters, name, *envelope);
  return fates ? settle(letters, name, *envelope, *fates) : failure(fates.error());
}

Result<Fates> Importer::offer(store::HandOverLetters& letters, const std::string& name,
                              const store::LetterEnvelope& envelope) {
  auto text = letters.text_of(name, envelope);
  if (!text) return failure(std::move(text.error()));
  auto letter = service::FileLetter::make_as_is({.file = std::move(*text), .name = {}});
  Fates fates;
  if (!letter) {
    if (letter.error().kind != Error::Kind::invalid) return failure(std::move(letter.error()));
    fates.refused = envelope.recipients;
    fates.why = letter.error().text;
    return fates;
  }
  service::SilentWatcher nobody;
  const service::SendOrder what{envelope.sender, envelope.recipients, *letter};
  service::SendAttempt attempt({client_.network(), client_.workers()}, access_, what, nobody);
  const auto report = client_.run(attempt.run());
  for (std::size_t place = 0; place < envelope.recipients.size(); ++place) {
    const auto& outcome = report.outcomes.at(place);
    if (outcome.kind == Kind::delivered) continue;
    (outcome.kind == Kind::permanent ? fates.refused : fates.waiting).push_back(envelope.recipients[place]);
  }
  fates.why = rules::last_words(report);
  return fates;
}

/// What was refused is in error/ before the letter forgets it.
Result<> Importer::settle(store::HandOverLetters& letters, const std::string& name,
                          const store::LetterEnvelope& envelope, const Fates& fates) {
  const auto why = LogText(fates.why).text();
  if (!fates.refused.empty()) {
    console_.complain("{} is set aside for {}: {}", place_, fates.refused.front().to_string(), why);
    ++set_aside_;
    if (auto kept = letters.set_aside_for(name, envelope, fates.refused); !kept) return kept;
  }
  if (fates.waiting.empty()) {
    if (fates.refused.size() < envelope.recipients.size()) ++sent_;
    return letters.remove(name);
  }
  console_.complain("{} waits: {}", place_, why);
  ++waiting_;
  if (fates.waiting.size() == envelope.recipients.size()) return {};
  return letters.keep_for(name, envelope, fates.waiting);
}

ExitStatus Importer::finish() {
  if (order_.as_json) {
    const nlohmann::ordered_json told{{"sent", sent_}, {"waiting", waiting_}, {"set_aside", set_aside_}};
    console_.print("{}\n", told.dump());
  } else {
    console_.print("sent {}, waiting {}, set aside {}\n", sent_, waiting_, set_aside_);
  }
  if (waiting_ > 0 || faults_ > 0) return ExitStatus::temporary;
  return set_aside_ > 0 ? ExitStatus::unavailable : ExitStatus::ok;
}

/// Where the letters go.
Result<service::ServerAccess> find_access(const ImportOrder& order) {
  service::ServerAccess access{.host = "localhost",
                               .endpoints = {},
                               .tls = service::ClientTls::none,
                               .hello_name = own_hello_name(),
                               .pipelining = true};
  if (order.server.empty()) {
    access.endpoints = find_local_server(order.configuration).endpoints;
    return access;
  }
  const auto hop = rules::NextHop::parse(order.server);
  if (!hop) return failure(hop.error());
  if (!hop->unix_path.empty() || hop->protocol == rules::NextHop::Protocol::lmtp) {
    return failure(Error::Kind::invalid, "a host and a port are needed");
  }
  access.host = hop->address ? hop->address->to_string() : hop->host;
  access.tls = service::ClientTls::starttls;
  auto endpoints = find_endpoints(access.host, hop->port.value_or(smtp_port), system::HostFamily::any, name_timeout);
  if (!endpoints) return failure(std::move(endpoints.error()));
  access.endpoints = std::move(*endpoints);
  return access;
}

}  // namespace

ExitStatus import_folder(const ImportOrder& order, Console& console) {
  auto client = ClientWorld::make();
  if (!client) {
    console.complain("{}", client.error().text);
    return status_of(client.error());
  }
  auto access = find_access(order);
  if (!access) {
    console.complain("{}: {}", order.server, LogText(access.error().text).text());
    return status_of(access.error());
  }
  return Importer(order, **client, std::move(*access), console).run();
}

}  // namespace posthorn::cli
