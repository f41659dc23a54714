#include "system/host_lookup.hpp"

#include "base/ascii.hpp"
#include "system/system_error.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace posthorn::system {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// All that a lookup in the background reads and writes. One that does not end in time keeps it: it is not freed then.
struct Question {
  std::string name;
  addrinfo hints{};
  gaicb control{};
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

/// 0 or a code of getaddrinfo(3); nothing: not in time.
std::optional<int> wait_for(gaicb& control, Duration limit) {
  const std::array<const gaicb*, 1> list{&control};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec wait{.tv_sec = seconds.count(), .tv_nsec = (limit - seconds).count()};
  ::gai_suspend(list.data(), 1, &wait);
  const auto code = ::gai_error(&control);
  return code == EAI_INPROGRESS ? std::nullopt : std::optional{code};
}

}  // namespace

Result<std::vector<IpAddress>> look_up_host(const std::string& name, HostFamily family, Duration limit) {
  // RFC 6761 §6.4: nobody needs to be asked.
  if (ascii::same_word(name, "invalid") || ascii::lower(name).ends_with(".invalid")) {
    return lookup_failure(name, EAI_NONAME);
  }
  auto question = std::make_unique<Question>();
  question->name = name;
  question->hints.ai_family = family_of(family);
  question->hints.ai_socktype = SOCK_STREAM;
  question->control.ar_name = question->name.c_str();
  question->control.ar_request = &question->hints;
  std::array<gaicb*, 1> list{&question->control};
  if (const int refused = ::getaddrinfo_a(GAI_NOWAIT, list.data(), 1, nullptr); refused != 0) {
    return lookup_failure(name, refused);
  }
  const auto code = wait_for(question->control, limit);
  if (!code) {
    const bool is_free = ::gai_cancel(&question->control) == EAI_CANCELED;
    if (!is_free) static_cast<void>(question.release());
    return lookup_failure(name, EAI_AGAIN);
  }
  const Addresses found(question->control.ar_result);
  if (*code != 0) return lookup_failure(name, *code);
  auto addresses = addresses_in(found.get());
  if (addresses.empty()) return lookup_failure(name, EAI_NODATA);
  return addresses;
}

}  // namespace posthorn::system
