// DNS as the server asks it. Real: system/unbound_resolver (validating). Simulated: sim/resolver (zone text and lies).
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "world/task.hpp"
#include "world/tls.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace posthorn::world {

enum class DnsType : std::uint16_t { a = 1, ns = 2, cname = 5, ptr = 12, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };

/// RFC 4035 §4.3. `bogus` answers carry no records and count as a temporary failure.
enum class DnsSecurity : std::uint8_t { insecure, secure, bogus };

struct MxRecord {
  std::uint16_t preference = 0;
  std::string host;  ///< lower case, no final dot; empty: the root, that is a null MX (RFC 7505)
};

/// TXT: the strings of one record joined. A and AAAA: the address. CNAME, NS and PTR: the name.
using DnsRecord = std::variant<IpAddress, MxRecord, TlsaRecord, std::string>;

struct DnsAnswer {
  enum class Status : std::uint8_t {
    found,
    no_records,  ///< the name is there, but not with this type (NODATA)
    no_name,     ///< NXDOMAIN
    failed,      ///< SERVFAIL, REFUSED, time-out, bogus, garbage: temporary
  };
  Status status = Status::failed;
  DnsSecurity security = DnsSecurity::insecure;
  std::vector<DnsRecord> records;  ///< all of the type asked for
  std::string canonical_name;      ///< the end of the CNAME chain, if there was one
  std::uint32_t ttl = 0;           ///< seconds
  std::string why;                 ///< for the log, when failed
};

class Resolver {
 public:
  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  /// `name` in ASCII (A-labels), without the final dot. A deadline that passes is Status::failed.
  virtual Task<DnsAnswer> query(std::string name, DnsType type, MonotonicTime deadline) = 0;
};

}  // namespace posthorn::world
