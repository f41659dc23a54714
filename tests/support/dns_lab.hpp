// DnsLab: a real name server (Debian's nsd) on a free loopback port with zones made for a test: signed, unsigned, or signed
// and then tampered with. One of them is the root; its key is the trust anchor of this little tree.
#pragma once

#include "base/ip_address.hpp"
#include "support/run_program.hpp"

#include <memory>
#include <string>
#include <vector>

namespace posthorn::test {

struct DnsZone {
  enum class Kind { is_signed, is_unsigned, is_tampered };
  std::string name;     ///< "test."; the root is "."
  std::string records;  ///< in the format of master files (RFC 1035 §5), relative to `name`; SOA and NS are added
  Kind kind = Kind::is_signed;
  std::string find{};     ///< of a tampered zone: this text in the signed file …
  std::string replace{};  ///< … becomes that one
};

class DnsLab {
 public:
  /// Delegations and DS records for zones below others are added. Ends the test program if the tools are missing.
  explicit DnsLab(std::vector<DnsZone> zones);
  DnsLab(const DnsLab&) = delete;
  DnsLab& operator=(const DnsLab&) = delete;
  ~DnsLab();

  [[nodiscard]] Endpoint server() const { return server_; }
  /// File with the DS records of the root zone.
  [[nodiscard]] std::string trust_anchor() const { return folder_ + "/root.ds"; }

 private:
  void write_zone(const DnsZone& zone, const std::string& extra) const;
  /// Returns the records for the parent.
  std::string sign(const DnsZone& zone) const;
  void start();
  [[nodiscard]] bool run_server();
  void write_settings(std::uint16_t port) const;

  std::string folder_;
  std::vector<DnsZone> zones_;
  Endpoint server_;
  std::unique_ptr<RunningProgram> daemon_;
};

}  // namespace posthorn::test
