#include "system/host_lookup.hpp"

#include "base/ascii.hpp"
#include "system/system_error.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace posthorn::system {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

struct Answer {
  int code = 0;  ///< of getaddrinfo(3)
  Addresses found;
};

int family_of(HostFamily family) {
  switch (family) {
    case HostFamily::any:
      return AF_UNSPEC;
    case HostFamily::v4:
      return AF_INET;
    case HostFamily::v6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

IpAddress address_of(const addrinfo& found) {
  if (found.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, found.ai_addr, sizeof v4);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    return IpAddress::v4(octets);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, found.ai_addr, sizeof v6);
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
  return IpAddress::v6(octets);
}

std::vector<IpAddress> addresses_in(const addrinfo* list) {
  std::vector<IpAddress> addresses;
  for (const auto* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    const auto address = address_of(*each);
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

std::unexpected<Error> lookup_failure(const std::string& name, int code) {
  switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return failure(Error::Kind::not_found, name + ": there is no such host");
    case EAI_AGAIN:
      return failure(Error::Kind::timed_out, name + ": the name service gives no answer now");
    case EAI_MEMORY:
      return failure(Error::Kind::no_memory, name + ": no memory to look it up");
    case EAI_SYSTEM:
      return system_failure(name);
    default:
      return failure(Error::Kind::other, name + ": " + ::gai_strerror(code));
  }
}

Answer ask(const std::string& name, HostFamily family) {
  addrinfo hints{};
  hints.ai_family = family_of(family);
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  return {code, Addresses{code == 0 ? found : nullptr}};
}

/// The answer, unless it does not come in time. The thread that asks is left to itself then: nothing ends a lookup early. It
/// is a thread of our own, since those of getaddrinfo_a(3) are counted on after a fork() that has lost them.
std::optional<Answer> ask_within(const std::string& name, HostFamily family, Duration limit) {
  std::promise<Answer> promise;
  auto answer = promise.get_future();
  std::thread([name, family, promise = std::move(promise)]() mutable {
    promise.set_value(ask(name, family));
  }).detach();
  if (answer.wait_for(limit) != std::future_status::ready) return std::nullopt;
  return answer.get();
}

}  // namespace

Result<std::vector<IpAddress>> look_up_host(const std::string& name, HostFamily family, Duration limit) {
  // RFC 6761 §6.4: nobody needs to be asked.
  if (ascii::same_word(name, "invalid") || ascii::lower(name).ends_with(".invalid")) {
    return lookup_failure(name, EAI_NONAME);
  }
  const auto answer = ask_within(name, family, limit);
  if (!answer) return lookup_failure(name, EAI_AGAIN);
  if (answer->code != 0) return lookup_failure(name, answer->code);
  auto addresses = addresses_in(answer->found.get());
  if (addresses.empty()) return lookup_failure(name, EAI_NODATA);
  return addresses;
}

}  // namespace posthorn::system
