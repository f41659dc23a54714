// Configuration: every setting as a plain value, with its default where it has a fixed one. It knows nothing of the
// components: cli/ maps it to their Settings. What each key means, which values are possible and how they are written
// stands once, in config/settings*.cpp, from which the reader, the reference and the example file are made.
// Defaults that depend on the machine (host name, domains, listeners, socket) are filled in by config/defaults.hpp.
// Host and domain names are in their canonical form here: lower case, A-labels, no final dot.
#pragma once

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "rules/listener_role.hpp"
#include "rules/mx_plan.hpp"
#include "rules/next_hop.hpp"
#include "rules/sender_check.hpp"
#include "smtp/client_settings.hpp"
#include "world/log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::config {

using rules::ListenerRole;
using rules::SenderCheck;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::uint64_t kibibyte = 1024;
inline constexpr std::uint64_t mebibyte = 1024 * kibibyte;

enum class ListenerTls : std::uint8_t {
  none,
  starttls,  ///< offered as soon as there is a certificate (the self-made one counts)
  implicit,  ///< from the first byte (RFC 8314 §3)
};

struct Listener {
  std::vector<Endpoint> addresses{};  ///< either these …
  std::string interface{};            ///< … or every address of this interface …
  std::uint16_t port = 0;             ///< … on this port
  ListenerRole role = ListenerRole::mx;
  ListenerTls tls = ListenerTls::starttls;
  std::vector<IpNetwork> refuse_from{};        ///< whose sessions are refused by 554
  std::vector<IpNetwork> proxy_from{};         ///< who may (and must) begin with a PROXY header
  std::vector<IpNetwork> xclient_from{};       ///< who may use XCLIENT
  std::string log{};                           ///< path of the file for its sessions; empty: where the others go
  std::optional<world::LogLevel> log_level{};  ///< of its sessions; none: as [log] says
};

struct TlsIdentity {
  std::vector<std::string> names;  ///< shown to clients that ask for one of these by SNI
  std::string certificate;         ///< path, PEM with its chain
  std::string key;                 ///< path, PEM; empty: in the certificate's file
};

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

struct Tls {
  std::string certificate;  ///< path; empty: a self-made one under `state`
  std::string key;
  std::vector<TlsIdentity> identities;
  TlsVersion minimum = TlsVersion::tls_1_2;
};

enum class MailboxFormat : std::uint8_t { maildir, numbered, mbox };
enum class OtherServers : std::uint8_t {
  relay,  ///< remote mail is queued and sent
  files,  ///< remote mail goes to <root>/.OTHER_SERVERS/<domain>/
};

struct Mailbox {
  std::string root = "/var/spool/mail";
  MailboxFormat format = MailboxFormat::maildir;
  std::string users = "/etc/posthorn/users";
  std::string aliases = "/etc/aliases";  ///< empty: none
  std::string separator = "+";           ///< alice+tag reaches alice; empty: no subaddressing
  bool tag_folders = false;              ///< … in the folder of that name, where alice has one
  std::string forward_file;              ///< name of a redirect file in a user's folder (".forward"); empty: none
  bool system_users = false;             ///< each mailbox belongs to the system account of that name
  std::uint64_t quota = 0;               ///< octets per user; 0: none
  OtherServers other_servers = OtherServers::relay;
};

struct Spool {
  std::uint64_t segment_size = 16 * mebibyte;
  std::uint64_t inline_limit = 80 * kibibyte;  ///< a larger body gets a file of its own
  std::uint64_t reserve = 64 * mebibyte;       ///< at most; never more than 5 % of the file system
};

struct Queue {
  std::vector<Duration> retry{minutes{5}, minutes{10}, minutes{20}, minutes{40}, hours{1}};  ///< the last one repeats
  Duration expire = days{5};
  Duration warn = hours{4};  ///< 0: never
  bool paused = false;
  Duration history = days{7};          ///< how long `queue show` knows a message that is gone
  std::uint32_t connections = 500;     ///< outgoing, in all
  std::uint32_t per_destination = 20;  ///< outgoing, to one set of hosts
  std::uint32_t messages_per_connection = 100;
};

using rules::NextHop;
using smtp::RemoteTls;

/// Where connections go out: by an interface's name or from an address; nothing set: as the system routes.
struct SourceBinding {
  std::string interface;
  std::optional<IpAddress> address;

  bool operator==(const SourceBinding&) const = default;
};

using rules::AddressFamilies;

struct Remote {
  std::uint16_t port = 25;
  std::optional<NextHop> smarthost;
  SourceBinding source;  ///< the key is `interface`
  AddressFamilies families = AddressFamilies::both;
  bool allow_loopback = false;
  RemoteTls tls = RemoteTls::may;
  std::string user;  ///< for the smarthost; with password_file
  std::string password_file;
  std::string certificate;  ///< client certificate, path; empty: none
  std::string key;
  std::vector<std::string> fingerprints;  ///< SHA-256 of the smarthost's certificate, 32 octets each
  Duration connect_timeout = seconds{30};
  Duration command_timeout = minutes{5};  ///< RFC 5321 §4.5.3.2.1-3: greeting, MAIL, RCPT
  Duration data_timeout = minutes{3};     ///< RFC 5321 §4.5.3.2.5: between two blocks of data
  Duration final_timeout = minutes{10};   ///< RFC 5321 §4.5.3.2.6: after the final dot
};

struct Route {
  std::vector<std::string> domains;  ///< canonical; "*": everything remote; ".example.org": what is below it
  NextHop to;
  RemoteTls tls = RemoteTls::may;
  std::string user;
  std::string password_file;
  std::vector<std::string> fingerprints;
};

struct Dns {
  std::vector<Endpoint> servers;  ///< empty: the system's
  std::string trust_anchor;       ///< path; empty: the root's
};

enum class Sandbox : std::uint8_t {
  required,  ///< without it there is no start
  wanted,    ///< without it there is a loud line in the log
  off,
};

struct Process {
  std::string user = "posthorn";  ///< empty: stay what we are
  std::string group;              ///< empty: the user's own
  Sandbox sandbox = Sandbox::wanted;
};

struct Limits {
  std::uint64_t message_size = 50 * mebibyte;
  std::uint32_t recipients = 1000;
  std::uint32_t connections = 10'000;
  std::uint32_t connections_per_address = 100;
  Duration command_timeout = minutes{5};  ///< RFC 5321 §4.5.3.2.7
  Duration handshake_timeout = seconds{30};
  std::uint32_t threads = 0;  ///< event loops; 0: one per processor
  std::uint32_t errors = 20;
  std::uint32_t junk_commands = 100;
  std::uint64_t data_rate = 500;  ///< octets a second, over a minute; 0: no minimum
  std::uint32_t hops = 100;       ///< Received fields
  std::uint64_t line_length = 64 * kibibyte;
  std::uint64_t header_size = 256 * kibibyte;
  Duration shutdown = seconds{8};  ///< for data under way when told to stop
};

struct Smtp {
  bool vrfy = false;  ///< true: VRFY says whether a user is there; false: 252
};

struct Submission {
  SenderCheck sender_check = SenderCheck::own;
};

/// Mail that programs of this machine hand in by `sendmail`.
struct Sendmail {
  std::string folder;  ///< path; filled in by complete(): <state>/drop
  SenderCheck sender_check = SenderCheck::off;
};

/// One place where passwords are checked; several are asked in order.
struct AuthSource {
  enum class Kind : std::uint8_t { users_file, pam, dovecot };
  Kind kind = Kind::users_file;
  std::string argument;  ///< PAM service name, or path of Dovecot's auth socket

  bool operator==(const AuthSource&) const = default;
};

struct Auth {
  std::vector<AuthSource> sources{AuthSource{}};
  std::uint32_t failures = 5;  ///< in one session, then 421
  Duration longest_delay = seconds{3};
};

enum class LogFormat : std::uint8_t { text, json };

struct Log {
  std::string file;  ///< empty: standard error
  world::LogLevel level = world::LogLevel::info;
  LogFormat format = LogFormat::text;
};

struct Admin {
  std::string socket;            ///< path; filled in by complete(): <state>/admin.sock
  std::optional<Endpoint> http;  ///< loopback only
  std::string token_file;        ///< path; empty: nothing can be changed over http
};

struct Configuration {
  std::string hostname;              ///< filled in by complete() when not given
  std::vector<std::string> domains;  ///< the same
  std::string state = "/var/lib/posthorn";
  std::vector<Listener> listeners;  ///< the same
  Tls tls;
  Mailbox mailbox;
  Spool spool;
  Queue queue;
  Remote remote;
  std::vector<Route> routes;
  Dns dns;
  Process process;
  Limits limits;
  Smtp smtp;
  Submission submission;
  Sendmail sendmail;
  Auth auth;
  Log log;
  Admin admin;
};

}  // namespace posthorn::config
