#include "system/keys_process.hpp"

#include "system/process.hpp"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace posthorn::system {
namespace {

constexpr std::size_t secure_memory = std::size_t{1} << 20;
constexpr std::size_t smallest_piece = 32;

/// OpenSSL keeps private numbers in an arena that is locked and left out of dumps; all the rest is locked where the limit
/// allows it, for a limit that is reached would fail later, at any allocation.
void keep_memory() {
  static_cast<void>(::CRYPTO_secure_malloc_init(secure_memory, smallest_piece));
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) {
    static_cast<void>(::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
  }
}

}  // namespace

Result<> prepare_keys_process() {
  name_process("posthorn-keys");
  keep_memory();
  return refuse_dumps();
}

void run_keys_process(const ControlChannel& parent, KeysPart& part) {
  KeysService service{&part};
  service.serve_parent(parent);
  ::_exit(0);
}

}  // namespace posthorn::system
