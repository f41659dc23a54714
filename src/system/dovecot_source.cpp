#include "system/dovecot_source.hpp"

#include "base/base64.hpp"
#include "system/descriptor.hpp"
#include "system/socket_address.hpp"
#include "system/system_error.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::system {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t longest_line = 8'192;  // the protocol's own bound
constexpr unsigned most_lines = 200;         // of the greeting

/// Fields are parted by tabs; tab, line end and the mark itself are escaped by \001.
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\t') {
      fields.emplace_back();
    } else if (line[i] == '\001' && i + 1 < line.size()) {
      static constexpr std::string_view letters = "01tnr";
      static constexpr std::string_view meant("\0\001\t\n\r", 5);
      const auto place = letters.find(line[++i]);
      fields.back() += place == std::string_view::npos ? line[i] : meant[place];
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

/// The value of "name=value" among the fields; none: there is no such field.
std::optional<std::string> value_of(const std::vector<std::string>& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (field.starts_with(name) && field.size() > name.size() && field[name.size()] == '=') {
      return field.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

bool has(const std::vector<std::string>& fields, std::string_view word) {
  for (const auto& field : fields) {
    if (field == word) return true;
  }
  return false;
}

class Connection {
 public:
  explicit Connection(std::chrono::milliseconds patience) : deadline_(Clock::now() + patience) {}

  Result<> open(const std::string& path) {
    const auto address = SocketAddress::from(world::UnixPath{path});
    if (!address) return failure(address.error());
    socket_ = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket_.is_open()) return system_failure("make a socket");
    if (::connect(socket_.get(), address->get(), address->size()) != 0) return system_failure("connect to " + path);
    return {};
  }

  Result<> send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = uninterrupted([&] { return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL); });
      if (sent >= 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN) {
        return system_failure("write");
      } else if (auto ready = wait_for(POLLOUT); !ready) {
        return ready;
      }
    }
    return {};
  }

  /// The next line's fields.
  Result<std::vector<std::string>> line() {
    while (true) {
      if (const auto end = input_.find('\n'); end != std::string::npos) {
        auto fields = fields_of(std::string_view(input_).substr(0, end));
        input_.erase(0, end + 1);
        return fields;
      }
      if (input_.size() > longest_line) return failure(Error::Kind::invalid, "a line without end");
      if (auto more = read_more(); !more) return failure(std::move(more.error()));
    }
  }

 private:
  Result<> read_more() {
    std::array<char, 4'096> buffer{};
    const auto got = uninterrupted([&] { return ::recv(socket_.get(), buffer.data(), buffer.size(), 0); });
    if (got == 0) return failure(Error::Kind::ended, "the connection was closed");
    if (got < 0) return errno == EAGAIN ? wait_for(POLLIN) : system_failure("read");
    input_.append(buffer.data(), static_cast<std::size_t>(got));
    return {};
  }

  Result<> wait_for(short events) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd waiting{socket_.get(), events, 0};
    const int ready = left > 0 ? uninterrupted([&] { return ::poll(&waiting, 1, static_cast<int>(left)); }) : 0;
    if (ready > 0) return {};
    return ready == 0 ? Result<>(failure(Error::Kind::timed_out, "no answer in time")) : system_failure("wait");
  }

  Clock::time_point deadline_;
  Descriptor socket_;
  std::string input_;
};

/// The server's greeting: its version, its mechanisms, the end of it.
Result<> shake_hands(Connection& connection) {
  if (auto sent = connection.send(fmt::format("VERSION\t1\t1\nCPID\t{}\n", ::getpid())); !sent) return sent;
  bool has_plain = false;
  for (unsigned count = 0; count < most_lines; ++count) {
    const auto fields = connection.line();
    if (!fields) return failure(fields.error());
    const auto& word = fields->front();
    if (word == "VERSION" && fields->size() > 1 && (*fields)[1] != "1") {
      return failure(Error::Kind::unsupported, "its protocol is version " + (*fields)[1] + ", not 1");
    }
    has_plain = has_plain || (word == "MECH" && fields->size() > 1 && (*fields)[1] == "PLAIN");
    if (word == "DONE") return has_plain ? Result<>{} : failure(Error::Kind::unsupported, "it does not offer PLAIN");
  }
  return failure(Error::Kind::invalid, "its greeting has no end");
}

/// RFC 4616 in one line. PLAIN comes to us under TLS only, or over a socket of this machine.
Secret request(const PasswordQuestion& question) {
  std::string plain;
  plain.reserve(question.name.size() + question.password.reveal().size() + 2);
  plain.append(1, '\0').append(question.name).append(1, '\0').append(question.password.reveal());
  const Secret wiped{std::move(plain)};
  return Secret(fmt::format("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tnologin\trip={}\tresp={}\n",
                            question.peer.to_string(), base64::encode(wiped.reveal())));
}

Result<PasswordVerdict> ask(const DovecotSource::Settings& settings, const PasswordQuestion& question) {
  using Kind = PasswordVerdict::Kind;
  Connection connection(settings.patience);
  if (auto opened = connection.open(settings.socket); !opened) return failure(std::move(opened.error()));
  if (auto shaken = shake_hands(connection); !shaken) return failure(std::move(shaken.error()));
  if (auto sent = connection.send(request(question).reveal()); !sent) return failure(std::move(sent.error()));
  for (unsigned count = 0; count < most_lines; ++count) {
    const auto fields = connection.line();
    if (!fields) return failure(fields.error());
    if (fields->size() < 2 || (*fields)[1] != "1") continue;
    if (fields->front() == "OK")
      return PasswordVerdict{Kind::right, value_of(*fields, "user").value_or(std::string(question.name))};
    if (fields->front() != "FAIL") continue;
    if (has(*fields, "temp")) return failure(Error::Kind::other, "it has trouble of its own: see Dovecot's log");
    return PasswordVerdict{};
  }
  return failure(Error::Kind::invalid, "it answers something else");
}

}  // namespace

PasswordVerdict DovecotSource::check(const PasswordQuestion& question) {
  if (question.name.contains('\0') || question.name.empty()) return {};
  auto verdict = ask(settings_, question);
  if (verdict) return std::move(*verdict);
  return {PasswordVerdict::Kind::trouble, "Dovecot's auth server at " + settings_.socket + ": " + verdict.error().text};
}

}  // namespace posthorn::system
