// Probe: does this mail server work? One conversation from the greeting to QUIT, every wait limited, and a verdict: what failed
// at which step, which reply codes came and what the protocol says of them.
#pragma once

#include "mail/address.hpp"
#include "service/file_letter.hpp"
#include "service/probe_record.hpp"
#include "service/server_access.hpp"
#include "smtp/command_tour.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

struct ProbeOrder {
  std::optional<mail::Address> sender;     ///< none: `<>`
  std::optional<mail::Address> recipient;  ///< none: the server's postmaster (RFC 5321 §4.5.1)
  bool sends = true;                       ///< false: RSET instead of DATA
  bool tours = false;                      ///< ask for the commands that no mail needs, too, after the mail
};

struct ProbeReport {
  /// From good to bad.
  enum class Failure : std::uint8_t {
    none,
    refused_for_now,  ///< a 4yz reply
    unknown_host,
    refused_for_good,  ///< a 5yz reply
    unavailable,       ///< no connection, no answer in time, no TLS
    protocol,          ///< a reply that SMTP does not allow, or none at all
  };

  std::string host;
  std::optional<Endpoint> address;
  Failure failure = Failure::none;
  std::string failed_at;  ///< the step, as in the table of replies: "MAIL"; empty: none failed
  std::string reason;     ///< cleaned
  std::vector<ProbeStep> steps;
  std::optional<world::TlsFacts> tls;
  Duration handshake{};
  Duration took{};                 ///< in all
  std::vector<std::string> notes;  ///< what works and is not as it should be

  [[nodiscard]] bool is_ok() const { return failure == Failure::none; }
};

class Probe {
 public:
  Probe(ClientNetwork world, const ServerAccess& access, const ProbeOrder& order, ProbeRecord& record)
      : world_(world), access_(access), order_(order), record_(record) {}

  /// `text` is read if the order is to send.
  [[nodiscard]] world::Task<ProbeReport> run(TextSource& text);

 private:
  [[nodiscard]] world::Task<> converse(OutgoingConnection& connection, TextSource& text);
  [[nodiscard]] smtp::ClientMessage message(const TextSource& text) const;
  [[nodiscard]] world::Task<> tour(OutgoingConnection& connection, const smtp::Outcome& mail);
  [[nodiscard]] smtp::CommandTour::Settings tour_settings(const smtp::PeerExtensions& peer,
                                                          const smtp::Outcome& mail) const;
  void judge_end(const smtp::SessionEnd& end);
  void judge_outcome(const smtp::Outcome& outcome);
  void judge_steps();
  void fail(ProbeReport::Failure failure, std::string_view step, std::string_view reason);

  ClientNetwork world_;
  const ServerAccess& access_;
  const ProbeOrder& order_;
  ProbeRecord& record_;
  ProbeReport report_;
};

/// "success", "go on", "failure", "error".
[[nodiscard]] std::string_view name_of(smtp::ReplyMeaning meaning);

}  // namespace posthorn::service
