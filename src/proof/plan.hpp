// Plan: all that one seed decides before the run begins (FAULTS.md, "Swarm"): which faults exist and how often, how small the
// server's bounds are, what mail is sent by whom. Equal seeds give equal plans.
#pragma once

#include "base/time.hpp"
#include "sim/disk.hpp"
#include "sim/network.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::proof {

inline constexpr const char* our_domain = "example.org";
inline constexpr const char* our_hostname = "mx.example.org";
/// Senders elsewhere who can be told what became of their mail: nothing is refused there for good.
inline constexpr const char* home_domain = "home.example";
inline constexpr std::array<std::string_view, 3> our_users{"alice", "bob", "carol"};
inline constexpr std::array<std::string_view, 3> remote_domains{"one.example", "two.example", "three.example"};

enum class Notify : std::uint8_t { unsaid, never, failure, success_failure_delay };

struct PlannedRecipient {
  std::string address;
  bool is_local = false;
  bool is_good = true;  ///< false: the server must refuse it
  Notify notify = Notify::unsaid;
};

/// What is wrong with a letter, so that the server must not take it.
enum class Flaw : std::uint8_t {
  none,
  bare_line_feed,
  smuggled_end,
  too_many_hops,
  too_large,
  wrong_order,
  // of users (Door::submission)
  without_login,
  wrong_password,
  foreign_sender,  ///< in MAIL
  foreign_author,  ///< in From
};

/// Which listener a letter goes to.
enum class Door : std::uint8_t { mx, relay, submission };

struct PlannedLetter {
  std::uint32_t token = 0;  ///< names the letter in its header
  Duration at{};
  Door door = Door::mx;
  std::string sender;  ///< empty: the null sender
  std::vector<PlannedRecipient> recipients;
  std::size_t body_octets = 0;
  Flaw flaw = Flaw::none;
  bool pipelined = false;
  bool chunked = false;  ///< BDAT
  bool headers_only = false;
  bool starttls = false;
  bool resets = false;       ///< begins with another transaction, and RSET
  std::string user{};        ///< who logs in
  std::string other_user{};  ///< whom a flaw is about
  bool has_bcc = false;
  bool is_dated = true;                 ///< has Date and Message-ID
  std::optional<std::uint64_t> cut_at;  ///< the client breaks off after so many octets
  Duration pause{};                     ///< before the end of the data
};

/// What a power cut leaves of what was not synced.
enum class Survival : std::uint8_t { drawn, nothing, everything, chosen };

enum class CrashKind : std::uint8_t { power_cut, kill, kill_at_operation, orderly_stop };

struct PlannedCrash {
  CrashKind kind = CrashKind::power_cut;
  std::uint64_t operations = 0;  ///< of the disk, counted from when it is armed
  Duration after{};              ///< armed, or done, so long after the start before
  Duration downtime{};
  Survival survival = Survival::drawn;
  sim::CrashChoice* choice = nullptr;  ///< who chooses; outlives the run
};

/// What an operator asks of some message that waits then.
enum class Order : std::uint8_t { hold, release, retry, remove, expire };
struct PlannedAction {
  Duration at{};
  Order order = Order::hold;
};

/// The spool's folder is not there for a while (FAULTS F12), or no resolver answers (F40).
struct PlannedAbsence {
  Duration at{};
  Duration length{};
};

/// How a receiving server misbehaves while the trouble lasts; per cent of the commands.
struct Temper {
  unsigned soft = 0;            ///< 4yz
  unsigned hard = 0;            ///< 5yz
  unsigned drop = 0;            ///< breaks the connection off
  unsigned garbage = 0;         ///< answers outside the protocol
  unsigned stall = 0;           ///< answers nothing for a quarter of an hour
  unsigned tarpit = 0;          ///< answers after some seconds
  unsigned lose_after_dot = 0;  ///< takes the mail and breaks off instead of saying so
  unsigned greylist = 0;        ///< of the recipients are asked to come back
  unsigned tls = 0;             ///< of the sessions offer STARTTLS
  unsigned tls_failure = 0;     ///< of the handshakes
};

struct Plan {
  std::uint64_t seed = 0;

  // ---- the server ----
  std::uint32_t segment_octets = 16 << 10;
  std::size_t inline_octets = 4096;
  std::uint64_t message_octets = 64 << 10;
  std::uint32_t received_fields = 10;
  std::uint32_t window = 3;  ///< deliveries at once to one destination
  std::uint32_t recipients_per_transaction = 100;
  std::vector<Duration> waits;
  Duration expire{};
  Duration warn{};
  Duration commit_timeout = std::chrono::minutes{1};

  // ---- the world ----
  Duration trouble{};  ///< faults end then
  sim::NetworkSettings network;
  sim::DiskSettings disk;
  Duration longest_job_wait{};
  Temper temper;
  unsigned resolver_failures = 0;  ///< per cent of the answers
  bool changing_mx = false;
  std::vector<PlannedCrash> crashes;
  bool cuts_to_the_end = false;  ///< what is armed may come after the trouble, too
  std::vector<Duration> clock_jumps_at;
  bool users_move = false;
  bool users_delete = false;
  bool reloads = false;
  std::vector<PlannedLetter> letters;

  std::int32_t clock_drift = 0;  ///< of the calendar against monotonic time, in millionths
  unsigned resolver_lies = 0;    ///< per cent of the answers
  std::vector<PlannedAction> actions;
  std::vector<Duration> rot_at;  ///< an octet of the spool changes on the disk
  std::vector<PlannedAbsence> absences;
  std::vector<PlannedAbsence> resolver_outages;
  std::uint64_t hidden_reads = 0;  ///< of segments, that fail once a start has recovered the spool
  bool starts_badly = false;       ///< the disk gives little of what is read in the first seconds of a life
  Duration look_interval = std::chrono::seconds{1};  ///< of what the server does all the time: longer for long lives

  [[nodiscard]] Duration longest_wait() const { return waits.back(); }
};

/// Seeds from here on draw the features of plan_features.hpp as well.
inline constexpr std::uint64_t first_seed_with_features = 100'001;

[[nodiscard]] Plan draw_plan(std::uint64_t seed);
/// For people: what the seed drew.
[[nodiscard]] std::string describe(const Plan& plan);

}  // namespace posthorn::proof
