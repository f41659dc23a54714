// What a server shows and signs with: certificates with their chains and keys, and where they come from: files, or the
// process that holds the keys.
#pragma once

#include "base/result.hpp"
#include "system/openssl.hpp"
#include "system/tls_identities.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::system {

struct TlsMaterial {
  TlsIdentityFiles files;                 ///< the names it is shown for, and what errors call it
  std::vector<CertificatePointer> chain;  ///< the certificate first
  KeyPointer key;
};

/// From the texts of the two files. Errors: tls (no certificate, no key, a key that belongs to another certificate).
Result<TlsMaterial> read_material(const TlsIdentityFiles& files, std::string_view certificate, std::string_view key);

class TlsMaterialSource {
 public:
  TlsMaterialSource() = default;
  TlsMaterialSource(const TlsMaterialSource&) = delete;
  TlsMaterialSource& operator=(const TlsMaterialSource&) = delete;
  virtual ~TlsMaterialSource() = default;

  /// All of it, as it is now. Blocks. Errors name the file.
  virtual Result<std::vector<TlsMaterial>> read() = 0;
  /// Whether read() would bring something else than it last brought. Any thread.
  virtual bool has_changed() = 0;
};

/// What tells that a file is no longer the one that was read.
struct FileMark {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileMark&) const = default;
};

/// Of each file of the identities. Errors: not_found, not_permitted.
Result<std::vector<FileMark>> marks_of(const std::vector<TlsIdentityFiles>& identities);
/// Whether a file is not the one that was marked, or has gone.
[[nodiscard]] bool have_changed(const std::vector<FileMark>& marks);

/// Reads the files themselves. One thread at a time.
class TlsFileSource final : public TlsMaterialSource {
 public:
  explicit TlsFileSource(std::vector<TlsIdentityFiles> identities) : identities_(std::move(identities)) {}

  Result<std::vector<TlsMaterial>> read() override;
  bool has_changed() override { return have_changed(marks_); }

 private:
  std::vector<TlsIdentityFiles> identities_;
  std::vector<FileMark> marks_;
};

}  // namespace posthorn::system
