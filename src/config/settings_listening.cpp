// Settings of what listens and of the sessions there.
#include "config/kinds.hpp"
#include "config/settings.hpp"

namespace posthorn::config {
namespace {

constexpr std::uint64_t gibibyte = 1024 * mebibyte;

void check_listener(const Listener& listener, const Value& at, Reading& reading) {
  const bool has_address = !listener.addresses.empty();
  const bool has_interface = !listener.interface.empty();
  const bool has_port = listener.port != 0;
  if (has_address && has_interface) {
    reading.fault_of_key("interface", at, "stands beside address; a listener has the one or the other");
  } else if (has_address && has_port) {
    reading.fault_of_key("port", at, "goes with interface; an address carries its own");
  } else if (has_interface && !has_port) {
    reading.fault_of_key("interface", at, "needs port = 25 beside it");
  } else if (!has_address && !has_interface) {
    reading.fault(at.place, "needs address = [\"0.0.0.0:25\"] or interface = \"eth0\" with port = 25");
  }
}

void check_identity(const TlsIdentity& identity, const Value& at, Reading& reading) {
  if (identity.names.empty()) reading.fault_of_key("names", at, "needs names = [\"mx.example.org\"]");
  if (identity.certificate.empty()) reading.fault_of_key("certificate", at, "needs certificate = \"/path/of/it.pem\"");
}

void check_tls(const Tls& tls, const Value& at, Reading& reading) {
  if (tls.certificate.empty() && !tls.key.empty()) {
    reading.fault_of_key("key", at, "needs certificate beside key");
  }
}

Kind<TlsIdentity> identity_kind() {
  return table<TlsIdentity>(
      {
          key("names", &TlsIdentity::names, list_of(certificate_name(), 1),
              "Host names that clients ask for (SNI) to be shown this certificate; \"*.example.net\" for one label "
              "before it.")
              .by_default("none; it must be there", "[\"mail.example.net\"]"),
          key("certificate", &TlsIdentity::certificate, path(), "Its certificate with the chain, PEM.")
              .by_default("none; it must be there", "\"/etc/posthorn/net.pem\""),
          key("key", &TlsIdentity::key, path_or_empty(), "Its private key, PEM; \"\": in the certificate's file."),
      },
      check_identity);
}

}  // namespace

Kind<Listener> listener_kind() {
  return table<Listener>(
      {
          key("address", &Listener::addresses, list_of(endpoint(), 1),
              "Addresses with ports to listen on. Port 0 takes any free one.")
              .by_default("none", "[\"0.0.0.0:25\", \"[::]:25\"]"),
          key("interface", &Listener::interface, interface_name(),
              "Instead of addresses: the network interface to listen on, with all its addresses."),
          key("port", &Listener::port, port(), "The port on that interface.").by_default("none", "25"),
          key("role", &Listener::role,
              one_of<ListenerRole>(
                  {{"mx", ListenerRole::mx}, {"relay", ListenerRole::relay}, {"submission", ListenerRole::submission}}),
              "mx: anyone may send to our domains and nobody may relay. relay: clients here may send anywhere. "
              "submission: clients must authenticate, then they may send anywhere."),
          key("tls", &Listener::tls,
              one_of<ListenerTls>({{"none", ListenerTls::none},
                                   {"starttls", ListenerTls::starttls},
                                   {"implicit", ListenerTls::implicit}}),
              "starttls: offered and up to the client. implicit: from the first byte, as on port 465."),
          key("refuse_from", &Listener::refuse_from, list_of(network()),
              "Clients that are greeted with 554 and served nothing."),
          key("proxy_from", &Listener::proxy_from, list_of(network()),
              "Load balancers whose connections begin with a PROXY header that names the client."),
          key("xclient_from", &Listener::xclient_from, list_of(network()), "Hosts that may use XCLIENT."),
          key("log", &Listener::log, path_or_empty(),
              "A log file of its own for what happens in the sessions of this listener; \"\": they are in the server's "
              "log."),
          key("log_level", &Listener::log_level, or_empty(log_level()),
              "The least weighty lines of these sessions that are written; \"\": as in [log].")
              .by_default("as in [log]", "\"debug\""),
      },
      check_listener);
}

Kind<Tls> tls_kind() {
  return table<Tls>(
      {
          key("certificate", &Tls::certificate, path_or_empty(),
              "The server's certificate with its chain, PEM; \"\": a self-made one is kept in the state folder. "
              "A changed file is taken up without a restart."),
          key("key", &Tls::key, path_or_empty(), "Its private key, PEM; \"\": in the certificate's file."),
          key("minimum", &Tls::minimum,
              one_of<TlsVersion>({{"1.2", TlsVersion::tls_1_2}, {"1.3", TlsVersion::tls_1_3}}),
              "The oldest version of TLS that is spoken."),
          key("identity", &Tls::identities, list_of(identity_kind()),
              "Further certificates, each for the host names that clients ask for."),
      },
      check_tls);
}

Kind<Smtp> smtp_kind() {
  return table<Smtp>({
      key("vrfy", &Smtp::vrfy, yes_or_no(),
          "true: VRFY tells whether a user is there, to anyone. false: it answers 252 whatever is asked."),
  });
}

Kind<Submission> submission_kind() {
  return table<Submission>({
      key("sender_check", &Submission::sender_check,
          one_of<SenderCheck>({{"own", SenderCheck::own}, {"local", SenderCheck::local}, {"off", SenderCheck::off}}),
          "Which senders a user may name, in the envelope and in From: own addresses, any in our domains, or any."),
  });
}

Kind<Sendmail> sendmail_kind() {
  return table<Sendmail>({
      key("folder", &Sendmail::folder, path_or_empty(),
          "Where programs of this machine put mail for the server, which picks it up at its start and while it runs. "
          "Everybody may "
          "write there, each in a folder of their own.")
          .by_default("drop in the state folder", "\"/var/spool/posthorn/drop\""),
      key("sender_check", &Sendmail::sender_check,
          one_of<SenderCheck>({{"own", SenderCheck::own}, {"local", SenderCheck::local}, {"off", SenderCheck::off}}),
          "Which envelope senders an account may name there (sendmail -f): the addresses of the user of its name, any "
          "in our "
          "domains, or any. Root and the server's own account may name any. Whose account it was stands in the "
          "Received field."),
  });
}

Kind<Auth> auth_kind() {
  return table<Auth>({
      key("sources", &Auth::sources, list_of(auth_source(), 1),
          "Where passwords are checked, one after another: \"users\" (the users file), \"pam\" or \"pam:SERVICE\", "
          "\"dovecot:/run/dovecot/auth-client\"."),
      key("failures", &Auth::failures, count(1, 100), "Wrong passwords in one session before it ends with 421."),
      key("longest_delay", &Auth::longest_delay, duration(seconds{0}, seconds{30}),
          "The answer to a wrong password waits longer each time, up to this."),
  });
}

Kind<Limits> limits_kind() {
  return table<Limits>({
      key("message_size", &Limits::message_size, size(1, 64 * gibibyte),
          "The largest message taken; announced by SIZE, refused with 552."),
      key("recipients", &Limits::recipients, count(1, 100'000), "Recipients of one message; more get 452."),
      key("connections", &Limits::connections, count(1, 1'000'000),
          "Incoming connections at once; lowered with a warning when the system allows fewer descriptors."),
      key("connections_per_address", &Limits::connections_per_address, count(1, 1'000'000),
          "Incoming connections at once from one IPv4 address or one IPv6 /64; more get 421."),
      key("command_timeout", &Limits::command_timeout, duration(std::chrono::milliseconds{100}, hours{24}),
          "The wait for the next command, and between two lines of a message."),
      key("handshake_timeout", &Limits::handshake_timeout, duration(std::chrono::milliseconds{100}, hours{1}),
          "The wait for a TLS handshake to end."),
      key("threads", &Limits::threads, count(0, 1024), "Event loops; 0: one for each processor."),
      key("errors", &Limits::errors, count(1, 1'000'000), "Refused commands before the session ends with 421."),
      key("junk_commands", &Limits::junk_commands, count(1, 1'000'000),
          "Commands that lead nowhere (NOOP, RSET, VRFY, HELP …) before the session ends with 421."),
      key("data_rate", &Limits::data_rate, size(0, gibibyte),
          "A client that sends a message slower than this per second, over a minute, is ended; \"0B\": no minimum."),
      key("hops", &Limits::hops, count(1, 10'000), "Received fields in a message; with more it goes in circles."),
      key("line_length", &Limits::line_length, size(1000, 16 * mebibyte), "The longest line of a message taken."),
      key("header_size", &Limits::header_size, size(4 * kibibyte, 64 * mebibyte), "The largest header taken."),
      key("shutdown", &Limits::shutdown, duration(seconds{0}, minutes{10}),
          "How long messages under way may still take when the server is told to stop."),
  });
}

}  // namespace posthorn::config
