#include "support/dns_lab.hpp"

#include "base/assert.hpp"

#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>

namespace posthorn::test {
namespace {

namespace fs = std::filesystem;

std::string file_of(const DnsZone& zone) { return (zone.name == "." ? std::string{"root"} : zone.name) + "zone"; }
std::string signed_file_of(const DnsZone& zone) {
  return zone.kind == DnsZone::Kind::is_unsigned ? file_of(zone) : file_of(zone) + ".signed";
}

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file{path, std::ios::trunc};
  file << text;
  ensure(file.good(), "the lab can write its files");
}

bool is_below(const std::string& name, const std::string& parent) {
  return name != parent && (parent == "." || name.ends_with("." + parent));
}

std::size_t labels_of(const std::string& name) {
  return name == "." ? 0 : static_cast<std::size_t>(std::ranges::count(name, '.'));
}

class LoopbackSocket {
 public:
  explicit LoopbackSocket(int type) : number_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {}
  LoopbackSocket(const LoopbackSocket&) = delete;
  LoopbackSocket& operator=(const LoopbackSocket&) = delete;
  ~LoopbackSocket() { ::close(number_); }

  [[nodiscard]] bool bind(std::uint16_t port) const { return call(::bind, port); }
  [[nodiscard]] bool connect(std::uint16_t port) const { return call(::connect, port); }
  /// Sends a datagram and says whether anything comes back in time.
  [[nodiscard]] bool ask(std::string_view question, int wait_ms) const {
    if (::send(number_, question.data(), question.size(), 0) < 0) return false;
    pollfd watched{.fd = number_, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, wait_ms) != 1) return false;
    std::array<char, 512> answer{};
    if (::recv(number_, answer.data(), answer.size(), 0) > 0) return true;
    ::usleep(20'000);  // refused: the server has no socket yet
    return false;
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(number_, static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
    return ntohs(address.sin_port);
  }

 private:
  template <class Call>
  [[nodiscard]] bool call(Call what, std::uint16_t port) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return what(number_, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) == 0;
  }
  int number_;
};

/// Free for UDP and TCP at this moment.
std::uint16_t free_port() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const LoopbackSocket tcp{SOCK_STREAM};
    const LoopbackSocket udp{SOCK_DGRAM};
    if (tcp.bind(0) && udp.bind(tcp.port())) return tcp.port();
  }
  bug("no port is free on loopback");
}

constexpr int questions_per_start = 100;
constexpr int wait_for_answer_ms = 50;

/// Whether a name server answers a question for the SOA of the root there, within a short wait.
bool answers(std::uint16_t port) {
  using namespace std::string_view_literals;
  constexpr auto question = "\x12\x34\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1"sv;  // RFC 1035 §4.1
  const LoopbackSocket socket{SOCK_DGRAM};
  if (!socket.connect(port)) return false;
  return socket.ask(question, wait_for_answer_ms);
}

}  // namespace

DnsLab::DnsLab(std::vector<DnsZone> zones) : zones_(std::move(zones)) {
  std::string pattern = (fs::temp_directory_path() / "posthorn-dns-XXXXXX").string();
  folder_ = ::mkdtemp(pattern.data());
  // The deepest first: a parent holds the digests of its children's keys.
  std::ranges::sort(zones_, std::ranges::greater{}, [](const DnsZone& zone) { return labels_of(zone.name); });
  std::map<std::string, std::string> delegations;
  for (const auto& zone : zones_) {
    write_zone(zone, delegations[zone.name]);
    const auto digests = zone.kind == DnsZone::Kind::is_unsigned ? std::string{} : sign(zone);
    const auto parent =
        std::ranges::find_if(zones_, [&](const DnsZone& other) { return is_below(zone.name, other.name); });
    if (parent != zones_.end()) delegations[parent->name] += fmt::format("{} NS ns.lab.\n{}", zone.name, digests);
  }
  start();
}

DnsLab::~DnsLab() {
  daemon_.reset();
  fs::remove_all(folder_);
}

void DnsLab::write_zone(const DnsZone& zone, const std::string& extra) const {
  const auto text =
      fmt::format("$ORIGIN {0}\n$TTL 60\n{0} SOA ns.lab. admin.lab. 1 3600 600 86400 60\n{0} NS ns.lab.\n{1}\n{2}",
                  zone.name, zone.records, extra);
  write_file(folder_ + "/" + file_of(zone), text);
}

std::string DnsLab::sign(const DnsZone& zone) const {
  std::vector<std::string> words{"ldns-signzone",      "-n",         "-e", "20370101000000", "-f",
                                 signed_file_of(zone), file_of(zone)};
  std::string digests;
  for (const bool is_key_signing : {true, false}) {
    std::vector<std::string> make{"ldns-keygen", "-a", "ECDSAP256SHA256"};
    if (is_key_signing) make.emplace_back("-k");
    make.push_back(zone.name);
    auto made = run_program(make, folder_);
    ensure(made.status == 0, "ldns-keygen works (package ldnsutils)");
    const auto key = made.output.substr(0, made.output.find('\n'));
    words.push_back(key);
    if (is_key_signing) digests = read_file(folder_ + "/" + key + ".ds");
  }
  const auto done = run_program(words, folder_);
  if (done.status != 0) bug("ldns-signzone: " + done.output);
  if (zone.name == ".") write_file(trust_anchor(), digests);
  if (zone.kind == DnsZone::Kind::is_tampered) {
    auto text = read_file(folder_ + "/" + signed_file_of(zone));
    const auto at = text.find(zone.find);
    ensure(at != std::string::npos, "the text to tamper with is there");
    write_file(folder_ + "/" + signed_file_of(zone), text.replace(at, zone.find.size(), zone.replace));
  }
  return digests;
}

void DnsLab::start() {
  // Now and then, on a busy machine, nsd binds its sockets and never starts the process that answers: then another is tried.
  constexpr int starts = 10;
  for (int attempt = 0; attempt < starts; ++attempt) {
    if (run_server()) return;
  }
  bug("nsd does not answer (package nsd): " + read_file(folder_ + "/log"));
}

bool DnsLab::run_server() {
  const auto port = free_port();
  server_ = *Endpoint::parse(fmt::format("127.0.0.1:{}", port));
  write_settings(port);
  daemon_ =
      std::make_unique<RunningProgram>(std::vector<std::string>{"nsd", "-d", "-c", folder_ + "/nsd.conf"}, folder_);
  for (int question = 0; question < questions_per_start; ++question) {
    if (answers(port)) return true;
    if (!daemon_->is_running()) return false;
  }
  return false;
}

void DnsLab::write_settings(std::uint16_t port) const {
  std::ostringstream settings;
  settings << fmt::format(
      "server:\n ip-address: 127.0.0.1@{0}\n zonesdir: \"{1}\"\n username: \"\"\n chroot: \"\"\n pidfile: \"{1}/pid\"\n"
      " zonelistfile: \"{1}/zones\"\n xfrdfile: \"{1}/xfrd\"\n xfrdir: \"{1}\"\n logfile: \"{1}/log\"\n server-count: "
      "1\n"
      "remote-control:\n control-enable: no\n",
      port, folder_);
  for (const auto& zone : zones_) {
    settings << fmt::format("zone:\n name: \"{}\"\n zonefile: \"{}\"\n", zone.name, signed_file_of(zone));
  }
  write_file(folder_ + "/nsd.conf", settings.str());
}

}  // namespace posthorn::test
