// Reception: the driver of one incoming session. It owns the connection and the session machine, performs the machine's
// effects in order and keeps every deadline: for the next command, for data (RFC 5321 §4.5.3.2.7), for the least data
// rate, for replies that the client does not read. One loop's thread.
#pragma once

#include "service/connection_limits.hpp"
#include "service/gatekeeper.hpp"
#include "service/intake.hpp"
#include "service/login.hpp"
#include "service/policy.hpp"
#include "service/reception_clock.hpp"
#include "smtp/server_session.hpp"
#include "world/log.hpp"
#include "world/network.hpp"

#include <memory>
#include <optional>
#include <string>

namespace posthorn::service {

/// What all receptions of a loop work with. All outlive them.
struct ReceptionWorld {
  world::Loop& loop;
  world::Log& log;
  IntakeWorld& intake;
  Gatekeeper& gatekeeper;
  LoginDesk& desk;
  world::Authenticator* authenticator = nullptr;  ///< none: nobody can log in
};

class Reception {
 public:
  struct Start {
    std::shared_ptr<const Policy> policy;
    std::size_t listener = 0;  ///< in policy->listeners
    std::string session;       ///< its name in the log
    std::unique_ptr<world::Stream> stream;
    ConnectionLimits& limits;  ///< outlives it
    ConnectionLimits::Ticket ticket;
    std::optional<smtp::Reply> refusal;  ///< greet with this instead, and end
    world::Log* log = nullptr;           ///< of its listener, outlives it; none: the world's
  };

  Reception(ReceptionWorld& world, Start start);

  /// The whole conversation. Returns when the connection is over.
  [[nodiscard]] world::Task<> run();
  /// The server stops: 421 as soon as the session may be told.
  void shut_down(smtp::ServerSession::Shutdown how);

 private:
  [[nodiscard]] const ReceptionPolicy& policy() const { return start_.policy->reception; }
  [[nodiscard]] const ListenerPolicy& listener() const { return start_.policy->listeners.at(start_.listener); }
  [[nodiscard]] Client client() const { return {listener().role, session_.facts().user}; }
  [[nodiscard]] IpAddress peer_address() const;

  // Not inlined: their frames would become part of that of run(), which every session holds while it waits.
  [[gnu::noinline, nodiscard]] world::Task<bool> open();
  [[nodiscard]] world::Task<bool> read_proxy_header();
  [[nodiscard]] world::Task<> choose_settings();
  [[nodiscard]] std::optional<smtp::Reply> name_client(const IpAddress& address);
  [[nodiscard]] smtp::Channel note_tls(const world::TlsFacts& facts);
  bool perform_at_once(smtp::Effect& effect);
  void note_reply(const smtp::Reply& reply);
  [[gnu::noinline, nodiscard]] world::Task<> perform(smtp::Effect effect);
  void answer(const smtp::AskClient& question);
  [[nodiscard]] bool may_send(const smtp::AskSender& question);

  [[nodiscard]] world::Task<> wait();
  [[nodiscard]] world::Task<> look_again(mail::Address recipient);
  [[nodiscard]] world::Task<> look_again_at_sender(std::optional<mail::Address> sender);
  [[nodiscard]] world::Task<> authenticate(smtp::AskAuthentication question);
  [[nodiscard]] world::Task<> start_tls(smtp::Reply ready);
  [[nodiscard]] world::Task<> take_bytes(std::string_view bytes);
  [[nodiscard]] world::Task<> end_message(mail::Envelope envelope);
  [[nodiscard]] world::Task<> close();

  [[nodiscard]] world::Task<> flush();
  [[nodiscard]] std::string_view held(std::string_view bytes);
  void note_read_failure(const Error& error);
  void forget_message(const Error& why);
  [[nodiscard]] std::string trace_field(const mail::Envelope& envelope, MessageId id) const;
  void log_refusal(std::string_view event, const smtp::Reply& reply, const mail::Address& recipient) const;

  ReceptionWorld& world_;
  world::Log& log_;
  Start start_;
  smtp::ServerSession session_;
  ReceptionClock clock_;
  std::string replies_;
  std::string held_;                // input whose octets wait for the disk
  std::unique_ptr<Intake> intake_;  // apart: most sessions that wait have none
  std::unique_ptr<Login> login_;    // while an exchange is under way
  std::string exporter_binding_;    // of the channel, for whoever logs in on it
  std::string unique_binding_;
  std::string tls_;                          // protocol and cipher, for the trace field
  std::optional<IpAddress> client_address_;  // as a proxy named it
  std::string client_host_;                  // the same: its name in DNS
  std::optional<smtp::ServerSession::Shutdown> shutdown_;
  bool over_ = false;
  bool broken_ = false;
};

}  // namespace posthorn::service
