// What a worker of the deliver process does: from root by name to the user, then the user's mail.
#include "cli/confinement.hpp"
#include "cli/deliver_process.hpp"
#include "cli/serve_mailboxes.hpp"
#include "store/delivery_desk.hpp"
#include "store/users_folder.hpp"
#include "system/account.hpp"
#include "system/posix_disk.hpp"
#include "system/posix_shared_files.hpp"
#include "system/process.hpp"
#include "system/thread.hpp"

#include <csignal>
#include <list>
#include <utility>

namespace posthorn::cli {
namespace {

using store::DeliveryPacket;

constexpr Duration for_predecessor = std::chrono::seconds{5};
constexpr Duration for_engine = std::chrono::minutes{5};  // between two packets: it may be reading a slow spool
constexpr uid_t root_account = 0;

Result<system::Account> find_user(const std::string& name) {
  auto account = system::find_account(name);
  if (!account && account.error().kind == Error::Kind::not_found) {
    return failure(Error::Kind::not_found, "the system has no account " + name +
                                               ", and [mailbox] system_users is set: make the "
                                               "account, or take the name out of the users file");
  }
  if (account && account->user == root_account) {
    return failure(Error::Kind::not_permitted,
                   "no mail is written as root: set an alias for " + name + " in [mailbox] aliases");
  }
  return account;
}

class UsersMail {
 public:
  UsersMail(const DeliverSettings& settings, system::WorkOrder& order) : settings_(settings), order_(order) {}

  void run() {
    auto mailbox = open();
    if (!mailbox) return tell(DeliveryPacket::refused, store::encode(mailbox.error()));
    store::DeliveryDesk desk{std::move(*mailbox), run_all, {}};
    tell(DeliveryPacket::opened, {});
    while (!desk.is_done() && serve(desk)) {
    }
  }

 private:
  Result<std::unique_ptr<store::Mailbox>> open() {
    auto user = mail::UserName::parse(order_.name);
    if (!user) return failure(std::move(user.error()));
    const auto account = find_user(user->text());
    if (!account) return failure(account.error());
    if (auto became = become_user(*user, *account); !became) return failure(std::move(became.error()));
    config::Configuration configuration;
    configuration.mailbox.root = settings_.root;
    configuration.mailbox.format = settings_.format;
    configuration.mailbox.quota = settings_.quota;
    format_ = make_mailbox_format(disk_, files_, configuration, owner(*account));
    return format_->open({.user = std::move(*user)});
  }

  /// From its end on nothing of root's is left.
  Result<> become_user(const mail::UserName& user, const system::Account& account) {
    const auto root = disk_.open_root(settings_.root);
    if (!root) return failure(Error{root.error()}.context("opening the mail root"));
    if (auto made = store::make_users_folder(**root, user, owner(account)); !made) return made;
    if (auto became = system::become(account); !became) return became;
    if (auto follows = system::die_with_parent(order_.parent, SIGKILL); !follows) return follows;
    if (auto refused = system::refuse_dumps(); !refused) return refused;
    if (!system::outlive(order_.predecessor, for_predecessor)) {
      return failure(Error::Kind::in_use,
                     "an earlier delivery to " + user.text() + " cannot be ended: its disk does not answer");
    }
    auto confined = confine_delivery(settings_.sandbox, settings_.root, user.text());
    if (!confined) return failure(std::move(confined.error()).context("the sandbox"));
    return {};
  }

  bool serve(store::DeliveryDesk& desk) {
    const auto packet = order_.channel.receive(for_engine);
    if (!packet || !packet->descriptors.empty()) return false;
    const auto answers = desk.take(packet->kind, packet->payload);
    if (!answers) return false;
    for (const auto& answer : *answers) tell(answer.kind, answer.payload);
    return true;
  }

  /// Whoever does not read it learns of it by our end.
  void tell(DeliveryPacket kind, std::string_view payload) {
    static_cast<void>(order_.channel.send(static_cast<std::uint16_t>(kind), payload, {}, for_engine));
  }

  static void run_all(std::span<const store::DeliveryDesk::Job> jobs) {
    std::list<system::Thread> threads;
    for (std::size_t i = 1; i < jobs.size(); ++i) threads.emplace_back("sync", [&job = jobs[i]] { job(); });
    if (!jobs.empty()) jobs.front()();
  }

  static store::MailboxOwner owner(const system::Account& account) {
    return {.user = account.user, .group = account.group};
  }

  const DeliverSettings& settings_;
  system::WorkOrder& order_;
  system::PosixDisk disk_;
  system::PosixSharedFiles files_;
  std::unique_ptr<store::MailboxFormat> format_;
};

}  // namespace

void deliver_as_user(const DeliverSettings& settings, system::WorkOrder& order) { UsersMail{settings, order}.run(); }

}  // namespace posthorn::cli
