// Settings of where mail is kept and how it leaves.
#include "config/kinds.hpp"
#include "config/settings.hpp"

namespace posthorn::config {
namespace {

constexpr std::uint64_t gibibyte = 1024 * mebibyte;
constexpr Duration shortest = std::chrono::milliseconds{10};  // tests hurry
constexpr Duration longest = days{365};

Kind<RemoteTls> remote_tls() {
  return one_of<RemoteTls>({{"none", RemoteTls::none},
                            {"may", RemoteTls::may},
                            {"require", RemoteTls::require},
                            {"verify", RemoteTls::verify}});
}

constexpr std::string_view remote_tls_words =
    "none: never. may: when offered, whatever the certificate. require: encrypted or not at all. verify: encrypted, "
    "with a certificate that proves the host's name or is one of fingerprints.";

/// What a smarthost and a route have in common.
template <class Hop>
void check_credentials(const Hop& hop, const Value& at, Reading& reading) {
  if (!hop.user.empty() && hop.password_file.empty()) {
    reading.fault_of_key("user", at, "needs password_file beside user");
  }
  if (hop.user.empty() && !hop.password_file.empty()) {
    reading.fault_of_key("password_file", at, "needs user beside password_file");
  }
  if (!hop.user.empty() && hop.tls == RemoteTls::none) {
    reading.fault_of_key("tls", at, "must not be \"none\" where a password is sent");
  }
  if (!hop.fingerprints.empty() && hop.tls != RemoteTls::verify) {
    reading.fault_of_key("fingerprints", at, "needs tls = \"verify\" beside fingerprints");
  }
}

void check_remote(const Remote& remote, const Value& at, Reading& reading) {
  check_credentials(remote, at, reading);
  if (!remote.user.empty() && !remote.smarthost) {
    reading.fault_of_key("user", at, "needs smarthost beside user; for single domains write a [[route]]");
  }
  if (remote.certificate.empty() && !remote.key.empty()) {
    reading.fault_of_key("key", at, "needs certificate beside key");
  }
}

void check_route(const Route& route, const Value& at, Reading& reading) {
  if (route.domains.empty()) reading.fault_of_key("domain", at, "needs domain = [\"partner.example\"]");
  if (route.to == NextHop{}) reading.fault_of_key("to", at, "needs to = \"relay.partner.example:25\"");
  check_credentials(route, at, reading);
}

void check_mailbox(const Mailbox& mailbox, const Value& at, Reading& reading) {
  if (mailbox.separator.size() > 1) reading.fault_of_key("separator", at, "must be one character, or \"\"");
  if (mailbox.separator == "@" || mailbox.separator == "/") {
    reading.fault_of_key("separator", at, "must be a character that does not part addresses or paths");
  }
  if (mailbox.system_users && !mailbox.forward_file.empty()) {
    reading.fault_of_key("forward_file", at, "cannot be had with system_users: the server looks into no user's folder");
  }
}

}  // namespace

Kind<Mailbox> mailbox_kind() {
  return table<Mailbox>(
      {
          key("root", &Mailbox::root, path(), "The folder that holds a folder for each user."),
          key("format", &Mailbox::format,
              one_of<MailboxFormat>({{"maildir", MailboxFormat::maildir},
                                     {"numbered", MailboxFormat::numbered},
                                     {"mbox", MailboxFormat::mbox}}),
              "maildir: <root>/<user>/{tmp,new,cur}. numbered: <root>/<user>/1.txt with 1.status beside it. mbox: all "
              "in "
              "<root>/<user>/mbox."),
          key("users", &Mailbox::users, path(),
              "Who has a mailbox: lines name[:hash[:…]] as in Dovecot's passwd-file; a bare name will do."),
          key("aliases", &Mailbox::aliases, path_or_empty(),
              "Other names for users, lists and people elsewhere, as in aliases(5), also for one address "
              "(info@example.org), by /regular expression/, or for everyone else in a domain (@example.org); \"\": "
              "none."),
          key("separator", &Mailbox::separator, text(),
              "What parts a user's name from a tag: mail for alice+tag reaches alice; \"\": no tags."),
          key("tag_folders", &Mailbox::tag_folders, yes_or_no(),
              "true: mail for alice+lists goes into the folder lists (Maildir++: .lists), where alice has made one; "
              "format "
              "maildir."),
          key("forward_file", &Mailbox::forward_file, file_name_or_empty(),
              "A file of this name in a user's folder says where the user's mail goes on to (\".forward\"); \"\": no "
              "such files."),
          key("system_users", &Mailbox::system_users, yes_or_no(),
              "true: each mailbox belongs to the system account of that name, and is written as it, by a process of "
              "its own. Needs "
              "a start as root and a root folder that is root's; root's own mail needs an alias."),
          key("quota", &Mailbox::quota, size(0, kibibyte * gibibyte),
              "What a mailbox may hold; more mail waits, and returns to its sender in the end; \"0B\": no limit."),
          key("other_servers", &Mailbox::other_servers,
              one_of<OtherServers>({{"relay", OtherServers::relay}, {"files", OtherServers::files}}),
              "relay: mail for other domains is sent there. files: it is put into <root>/.OTHER_SERVERS/<domain>/ and "
              "nothing is sent."),
      },
      check_mailbox);
}

Kind<Spool> spool_kind() {
  return table<Spool>({
      key("segment_size", &Spool::segment_size, size(mebibyte, gibibyte),
          "The size of the spool's files, each written in full when it is made."),
      key("inline_limit", &Spool::inline_limit, size(kibibyte, 16 * mebibyte),
          "A larger message gets a file of its own."),
      key("reserve", &Spool::reserve, size(mebibyte, 64 * gibibyte),
          "Kept free to finish what was accepted when the disk is full; never more than 5 % of the file system."),
  });
}

Kind<Queue> queue_kind() {
  return table<Queue>({
      key("retry", &Queue::retry, list_of(duration(shortest, longest), 1),
          "The waits between attempts; the last one repeats."),
      key("expire", &Queue::expire, duration(shortest, longest),
          "A message that could not be delivered for this long goes back to its sender."),
      key("warn", &Queue::warn, duration(seconds{0}, longest),
          "After this long the sender is told that the message is late; \"0s\": never."),
      key("paused", &Queue::paused, yes_or_no(), "true: mail is taken in and nothing is delivered (maintenance)."),
      key("history", &Queue::history, duration(seconds{0}, longest),
          "How long \"posthorn queue show\" knows a message that has left."),
      key("connections", &Queue::connections, count(1, 100'000), "Outgoing connections at once."),
      key("per_destination", &Queue::per_destination, count(1, 10'000),
          "Outgoing connections at once to one set of hosts; the server starts with few and learns."),
      key("messages_per_connection", &Queue::messages_per_connection, count(1, 100'000),
          "Messages sent over one connection before it is closed."),
  });
}

Kind<Remote> remote_kind() {
  return table<Remote>(
      {
          key("port", &Remote::port, port(), "The port of other mail servers."),
          key("smarthost", &Remote::smarthost, or_empty(next_hop()),
              "\"host:port\": everything for other domains goes there; \"\": each to its own MX."),
          key("interface", &Remote::source, source_binding(),
              "The interface or the address that outgoing connections leave by; \"\": as the system routes."),
          key("families", &Remote::families,
              one_of<AddressFamilies>(
                  {{"both", AddressFamilies::both}, {"ipv4", AddressFamilies::ipv4}, {"ipv6", AddressFamilies::ipv6}}),
              "The kinds of addresses that are connected to."),
          key("allow_loopback", &Remote::allow_loopback, yes_or_no(),
              "true: an MX may lead to this machine's loopback (tests, and relays on the same machine)."),
          key("tls", &Remote::tls, remote_tls(), remote_tls_words),
          key("user", &Remote::user, text(), "The name to authenticate by at the smarthost; \"\": none."),
          key("password_file", &Remote::password_file, path_or_empty(), "The file whose first line is its password."),
          key("certificate", &Remote::certificate, path_or_empty(), "A client certificate to show, PEM; \"\": none."),
          key("key", &Remote::key, path_or_empty(), "Its private key, PEM; \"\": in the certificate's file."),
          key("fingerprints", &Remote::fingerprints, list_of(fingerprint()),
              "SHA-256 of the certificates that the smarthost may show, instead of a chain and a name."),
          key("connect_timeout", &Remote::connect_timeout, duration(shortest, hours{1}), "The wait for a connection."),
          key("command_timeout", &Remote::command_timeout, duration(shortest, hours{1}),
              "The wait for the greeting and for the answer to a command; STARTTLS and DATA wait for 2m at most, AUTH "
              "for 3m."),
          key("data_timeout", &Remote::data_timeout, duration(shortest, hours{1}),
              "The wait for the other side to take a block of the message."),
          key("final_timeout", &Remote::final_timeout, duration(shortest, hours{2}),
              "The wait for the answer to the whole message."),
      },
      check_remote);
}

Kind<Route> route_kind() {
  return table<Route>(
      {
          key("domain", &Route::domains, list_of(domain_pattern(), 1),
              "The domains; \".example.org\": what is below it; \"*\": everything for other servers.")
              .by_default("none; it must be there", "[\"partner.example\"]"),
          key("to", &Route::to, next_hop(),
              "Where their mail goes instead of to their MX: \"host[:port]\", \"[address]:port\", \"lmtp:host:port\", "
              "\"lmtp:unix:/path\".")
              .by_default("none; it must be there", "\"relay.partner.example:25\""),
          key("tls", &Route::tls, remote_tls(), remote_tls_words),
          key("user", &Route::user, text(), "The name to authenticate by there; \"\": none."),
          key("password_file", &Route::password_file, path_or_empty(), "The file whose first line is its password."),
          key("fingerprints", &Route::fingerprints, list_of(fingerprint()),
              "SHA-256 of the certificates that the host may show, instead of a chain and a name."),
      },
      check_route);
}

Kind<Dns> dns_kind() {
  return table<Dns>({
      key("servers", &Dns::servers, list_of(dns_server()),
          "The resolvers to ask, for every name whatsoever; []: the system's."),
      key("trust_anchor", &Dns::trust_anchor, path_or_empty(),
          "A file of DS or DNSKEY records, for DNSSEC in a private tree; \"\": the root's, when the system has it."),
  });
}

}  // namespace posthorn::config
