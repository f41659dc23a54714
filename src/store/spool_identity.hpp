// Which spool this is, whose, and how often it was started: `spool/identity`, with a copy `spool.identity` in the state
// folder, so that a spool that is not mounted, was emptied or was put in another's place is noticed (F12), one that came
// from another machine too (F18), and one that a newer version wrote (F19). Blocks; for workers.
#pragma once

#include "base/result.hpp"
#include "store/segment_format.hpp"
#include "store/spool_settings.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::store {

struct SpoolIdentity {
  SpoolId id{};
  std::string host;
  std::uint64_t starts = 0;

  bool operator==(const SpoolIdentity&) const = default;
};

inline constexpr std::string_view identity_name = "identity";
inline constexpr std::string_view identity_copy_name = "spool.identity";
inline constexpr std::string_view spool_folder_name = "spool";
inline constexpr std::string_view bodies_folder_name = "bodies";
inline constexpr std::string_view corrupt_folder_name = "corrupt";

/// Errors: `not_found`, `corrupt`, `unsupported` (another version), io.
[[nodiscard]] Result<SpoolIdentity> read_identity(world::Folder& folder, std::string_view name);
/// Replaces the file in one step; durable when it returns.
[[nodiscard]] Result<> write_identity(world::Folder& folder, std::string_view name, const SpoolIdentity& identity);

struct SpoolPlace {
  std::unique_ptr<world::Folder> state;
  std::unique_ptr<world::Folder> spool;
  SpoolIdentity identity;
};

/// Finds the spool of the state folder, or makes its folder and identity. Errors as Spool::open().
[[nodiscard]] Result<SpoolPlace> open_spool_place(const SpoolSettings& settings, world::Disk& disk,
                                                  world::Random& random);
/// The same for looking only: makes and changes nothing, whoever's spool it is.
[[nodiscard]] Result<SpoolPlace> find_spool_place(const std::string& state_folder, world::Disk& disk);
/// Whether the state folder, opened anew by its path, still leads to this spool.
[[nodiscard]] Result<> check_spool_place(const std::string& state_folder, world::Disk& disk, const SpoolId& id);

}  // namespace posthorn::store
