#include "system/temporary_certificate.hpp"

#include "system/system_error.hpp"
#include "system/tls_certificate.hpp"
#include "system/tls_identities.hpp"

#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace posthorn::system {
namespace {

/// A folder that nobody else may enter, with what is put into it gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* named = std::getenv("TMPDIR");
    path_ = std::string(named != nullptr && *named == '/' ? named : "/tmp") + "/posthorn-XXXXXX";
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    if (!made_) return;
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }

  [[nodiscard]] bool is_made() const { return made_; }
  [[nodiscard]] std::string file() const { return path_ + "/tls.pem"; }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace

Result<std::shared_ptr<world::TlsIdentities>> temporary_identities(const std::string& host_name,
                                                                   const world::Clock& clock) {
  const TemporaryFolder folder;
  if (!folder.is_made()) return system_failure("make a folder for a certificate");
  if (auto made = ensure_certificate(folder.file(), host_name, clock.wall()); !made)
    return failure(std::move(made.error()));
  auto loaded =
      TlsIdentityStore::load({.identities = {{.names = {}, .certificate = folder.file(), .key = {}}}}, clock.now());
  if (!loaded) return failure(std::move(loaded.error()));
  return std::shared_ptr<world::TlsIdentities>(std::move(*loaded));
}

}  // namespace posthorn::system
