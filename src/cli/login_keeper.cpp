#include "cli/login_keeper.hpp"

#include "store/users.hpp"
#include "system/auth_wire.hpp"
#include "system/memory_file.hpp"
#include "system/password_helper.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using Kind = system::AuthSettings::Source::Kind;
using Reply = system::ChannelThreads::Reply;

/// Longer than Dovecot's own wait after failures, shorter than the engine waits for a step.
constexpr Duration helper_patience = std::chrono::seconds{28};
constexpr Duration wait_for_new_file = std::chrono::seconds{2};

std::uint16_t number_of(system::KeysPacket kind) { return static_cast<std::uint16_t>(kind); }

}  // namespace

struct LoginKeeper::Sources {
  std::vector<std::unique_ptr<system::PasswordSource>> all;
  std::unique_ptr<system::AuthService> service;
  std::unique_ptr<system::SaslDesk> desk;

  Sources(const system::AuthSettings& settings, system::VerifierBook& book,
          const std::shared_ptr<system::KeysClient>& helper) {
    std::vector<system::PasswordSource*> list;
    bool asks_book = false;
    for (std::uint32_t place = 0; place < settings.sources.size(); ++place) {
      const bool is_book = !settings.sources[place].is_elsewhere();
      asks_book = asks_book || is_book;
      if (is_book) {
        all.push_back(std::make_unique<system::BookSource>(book));
      } else {
        all.push_back(std::make_unique<system::HelperSource>(helper, place));
      }
      list.push_back(all.back().get());
    }
    // SCRAM is the users file's: PAM and Dovecot want the password itself.
    service = std::make_unique<system::AuthService>(std::move(list), asks_book ? &book : nullptr);
    desk = std::make_unique<system::SaslDesk>(*service);
  }
};

LoginKeeper::LoginKeeper(KeyedHash::Key key)
    : book_({}, key, [this] { refresh_users(); }),
      helper_(std::make_shared<system::KeysClient>(helper_patience)),
      sources_(std::make_shared<Sources>(system::AuthSettings{}, book_, helper_)) {}

LoginKeeper::~LoginKeeper() = default;

bool LoginKeeper::obey(const system::ControlChannel& parent, system::ControlPacket packet) {
  if (packet.kind == number_of(system::KeysPacket::users)) return take_users(parent, std::move(packet));
  if (packet.kind == number_of(system::KeysPacket::auth_settings)) return take_settings(packet);
  if (packet.kind != number_of(system::KeysPacket::helper) || packet.descriptors.size() != 1) return false;
  helper_->add_channel(system::ControlChannel{std::move(packet.descriptors.front())});
  return true;
}

bool LoginKeeper::take_settings(const system::ControlPacket& packet) {
  const auto settings = system::decode_auth_settings(packet.payload);
  if (!settings) return false;
  const std::lock_guard lock{mutex_};
  sources_ = std::make_shared<Sources>(*settings, book_, helper_);
  domains_ = settings->domains;
  return true;
}

bool LoginKeeper::take_users(const system::ControlChannel& parent, system::ControlPacket packet) {
  const auto mark = decode_file_mark(packet.payload);
  if (!mark || packet.descriptors.size() > 1) return false;
  std::string names;
  std::string fault;
  {
    const std::lock_guard lock{mutex_};
    parent_ = &parent;
    users_path_ = mark->path;
    users_ = packet.descriptors.empty() ? system::GivenFile{}
                                        : system::GivenFile{std::move(packet.descriptors.front()), mark->path};
    if (const auto read = read_users(); !read) fault = read.error().text;
    names = names_;
    ++arrivals_;
  }
  arrived_.notify_all();
  if (!fault.empty()) {
    return parent.send(number_of(system::KeysPacket::fault), fault.substr(0, system::KeysLimits::text)).has_value();
  }
  const auto file = system::make_memory_file("names", names);
  if (!file) return parent.send(number_of(system::KeysPacket::fault), file.error().text).has_value();
  const int number = file->get();
  return parent.send(number_of(system::KeysPacket::users_read), encode(*mark), {&number, 1}).has_value();
}

/// Under the mutex.
Result<> LoginKeeper::read_users() {
  auto text = users_.read(store::max_users_file_octets);
  if (!text) return failure(std::move(text.error()));
  const Secret hashes{std::move(*text)};
  book_.replace(hashes.reveal(), {.users_file = users_path_, .domains = domains_});
  names_ = names_only(hashes.reveal());
  return {};
}

void LoginKeeper::refresh_users() {
  std::unique_lock lock{mutex_};
  switch (users_.look()) {
    case system::GivenFile::State::as_read:
      return;
    case system::GivenFile::State::changed:
      static_cast<void>(read_users());
      return;
    case system::GivenFile::State::gone:
      break;
  }
  const auto seen = arrivals_;
  if (parent_ != nullptr) static_cast<void>(parent_->send(number_of(system::KeysPacket::users_gone), {}));
  arrived_.wait_for(lock, wait_for_new_file, [&] { return arrivals_ != seen; });
}

std::shared_ptr<LoginKeeper::Sources> LoginKeeper::sources() {
  const std::lock_guard lock{mutex_};
  return sources_;
}

Result<Reply> LoginKeeper::answer(system::KeysPacket kind, std::string_view body) {
  if (!system::SaslDesk::is_for_it(kind)) return failure(Error::Kind::corrupt, "an unknown packet");
  auto reply = sources()->desk->answer(kind, body);
  if (!reply) return failure(std::move(reply.error()));
  const bool is_offer = kind == system::KeysPacket::auth_offer;
  return Reply{.kind = is_offer ? system::KeysPacket::auth_offered : system::KeysPacket::auth_answer,
               .body = std::move(*reply)};
}

}  // namespace posthorn::cli
