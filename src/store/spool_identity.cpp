#include "store/spool_identity.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view identity_magic = "PosthSpl";
constexpr std::size_t host_limit = 1024;
constexpr std::size_t largest_identity = 2048;
constexpr std::string_view temporary_ending = ".new";

// Magic, version, checksum of what follows, fields.
std::string encode(const SpoolIdentity& identity) {
  ByteWriter fields;
  for (const auto octet : identity.id) fields.put(octet);
  fields.put(identity.starts);
  fields.put_text(std::string_view(identity.host).substr(0, host_limit));
  ByteWriter out;
  out.put_raw(identity_magic);
  out.put(spool_version);
  out.put(crc32c(fields.view()));
  out.put_raw(fields.view());
  return out.take();
}

Result<SpoolIdentity> decode(std::string_view octets) {
  ByteReader in{octets};
  if (in.take_raw(identity_magic.size()) != identity_magic)
    return failure(Error::Kind::corrupt, "not an identity file");
  const auto version = in.take<std::uint32_t>();
  const auto checksum = in.take<std::uint32_t>();
  if (in.failed() || crc32c(octets.substr(octets.size() - in.left())) != checksum) {
    return failure(Error::Kind::corrupt, "the identity fails its checksum");
  }
  if (version != spool_version) {
    return failure(Error::Kind::unsupported,
                   fmt::format("the spool has format {}, this program writes format {}; start the newer version of it",
                               version, spool_version));
  }
  SpoolIdentity identity;
  for (auto& octet : identity.id) octet = in.take<std::uint8_t>();
  identity.starts = in.take<std::uint64_t>();
  identity.host = in.take_text(host_limit);
  if (!in.complete()) return failure(Error::Kind::corrupt, "the identity makes no sense");
  return identity;
}

Result<> write_new_file(world::Folder& folder, std::string_view name, std::string_view octets) {
  if (auto removed = folder.remove(name); !removed && removed.error().kind != Error::Kind::not_found) return removed;
  auto file = folder.create_file(name, 0600);
  if (!file) return failure(std::move(file).error());
  if (auto written = (*file)->write_at(0, octets); !written) return written;
  if (auto synced = (*file)->sync_data(); !synced) return synced;
  return (*file)->close();
}

/// One of the two identities: there, not there, or unreadable.
using Found = Result<SpoolIdentity>;

bool is_missing(const Found& found) { return !found && found.error().kind == Error::Kind::not_found; }
bool is_corrupt(const Found& found) { return !found && found.error().kind == Error::Kind::corrupt; }

bool has_segments(world::Folder& spool) {
  const auto names = spool.list();
  return names &&
         std::ranges::any_of(*names, [](const world::Entry& entry) { return entry.name.starts_with("segment-"); });
}

Result<std::unique_ptr<world::Folder>> open_spool_folder(world::Folder& state, const Found& copy, bool adopt) {
  auto spool = state.open_folder(spool_folder_name);
  if (spool || spool.error().kind != Error::Kind::not_found) return spool;
  if (!is_missing(copy) && !adopt) {
    return failure(
        Error::Kind::not_found,
        fmt::format("{} had a spool, and it is gone: is its file system mounted? If it is lost for good, remove {}",
                    state.path(), identity_copy_name));
  }
  if (auto made = state.make_folder(spool_folder_name, 0700); !made) return failure(std::move(made).error());
  if (auto synced = state.sync(); !synced) {
    (void)state.remove(spool_folder_name, true);  // a second sync would prove nothing about this name
    return failure(std::move(synced).error());
  }
  return state.open_folder(spool_folder_name);
}

SpoolIdentity fresh_identity(const SpoolSettings& settings, world::Random& random) {
  SpoolIdentity identity;
  random.fill(std::as_writable_bytes(std::span{identity.id}));
  identity.host = settings.host_identity;
  return identity;
}

/// No identity in the spool folder: a new spool, or one that lost its contents.
Result<SpoolIdentity> identity_of_empty(SpoolPlace& place, const Found& copy, const SpoolSettings& settings,
                                        world::Random& random) {
  if (!is_missing(copy) && !settings.adopt) {
    return failure(Error::Kind::not_found,
                   fmt::format("{} is not the spool that belongs here: it has no identity. Is its file "
                               "system mounted? If it is lost for good, remove {}/{}",
                               place.spool->path(), place.state->path(), identity_copy_name));
  }
  if (has_segments(*place.spool)) {
    return failure(Error::Kind::corrupt, fmt::format("{} has segments but no identity: restore {}/{} from a backup",
                                                     place.spool->path(), place.spool->path(), identity_name));
  }
  return fresh_identity(settings, random);
}

Result<SpoolIdentity> decide_identity(SpoolPlace& place, const Found& copy, const Found& own,
                                      const SpoolSettings& settings, world::Random& random) {
  if (is_missing(own)) return identity_of_empty(place, copy, settings, random);
  // The copy tells who we are when the identity is damaged; the number of starts stands in the segments as well.
  if (is_corrupt(own) && copy) return *copy;
  if (!own) return own;
  if (copy && copy->id != own->id && !settings.adopt) {
    return failure(
        Error::Kind::not_permitted,
        fmt::format("{} is spool {}, but {} belongs to spool {}: another file system is mounted there, or a backup was "
                    "restored. To use it all the same, start once with --adopt-spool",
                    place.spool->path(), to_text(own->id), place.state->path(), to_text(copy->id)));
  }
  return own;
}

Result<> check_host(const SpoolPlace& place, const SpoolSettings& settings) {
  if (settings.adopt || place.identity.host == settings.host_identity) return {};
  return failure(
      Error::Kind::not_permitted,
      fmt::format("{} was last used on another machine ({}): if that one still runs, mail would be delivered twice. To "
                  "use it here, start once with --adopt-spool",
                  place.spool->path(), place.identity.host));
}

}  // namespace

Result<SpoolIdentity> read_identity(world::Folder& folder, std::string_view name) {
  auto file = folder.open_file(name, false);
  if (!file) return failure(std::move(file).error());
  std::string octets(largest_identity, '\0');
  const auto size = (*file)->read_at(0, octets);
  if (!size) return failure(size.error());
  octets.resize(*size);
  auto identity = decode(octets);
  if (!identity) return failure(std::move(identity).error().context(fmt::format("{}/{}", folder.path(), name)));
  return identity;
}

Result<> write_identity(world::Folder& folder, std::string_view name, const SpoolIdentity& identity) {
  const auto temporary = std::string(name) + std::string(temporary_ending);
  if (auto written = write_new_file(folder, temporary, encode(identity)); !written) return written;
  if (auto renamed = folder.rename(temporary, folder, name, true); !renamed) return renamed;
  return folder.sync();
}

Result<SpoolPlace> open_spool_place(const SpoolSettings& given, world::Disk& disk, world::Random& random) {
  auto settings = given;
  settings.adopt |= planted(PlantedFault::spool_made_anew_when_away);
  SpoolPlace place;
  auto state = disk.open_root(settings.state_folder);
  if (!state) return failure(std::move(state).error());
  place.state = *std::move(state);

  const auto copy = read_identity(*place.state, identity_copy_name);
  if (!copy && !is_missing(copy) && !is_corrupt(copy)) return failure(copy.error());
  auto spool = open_spool_folder(*place.state, copy, settings.adopt);
  if (!spool) return failure(std::move(spool).error());
  place.spool = *std::move(spool);

  const auto own = read_identity(*place.spool, identity_name);
  auto identity = decide_identity(place, copy, own, settings, random);
  if (!identity) return failure(std::move(identity).error());
  place.identity = *std::move(identity);
  if (auto ours = check_host(place, settings); !ours) return failure(std::move(ours).error());
  place.identity.host = settings.host_identity;

  // The identity first: a copy without it would look like a spool that was lost.
  if (!own || *own != place.identity) {
    if (auto written = write_identity(*place.spool, identity_name, place.identity); !written)
      return failure(written.error());
  }
  if (!copy || copy->id != place.identity.id || copy->host != place.identity.host) {
    const auto written = write_identity(*place.state, identity_copy_name, place.identity);
    if (!written) return failure(written.error());
  }
  return place;
}

Result<SpoolPlace> find_spool_place(const std::string& state_folder, world::Disk& disk) {
  SpoolPlace place;
  auto state = disk.open_root(state_folder);
  if (!state) return failure(std::move(state).error());
  place.state = *std::move(state);
  auto spool = place.state->open_folder(spool_folder_name);
  if (!spool) return failure(std::move(spool).error());
  place.spool = *std::move(spool);
  auto identity = read_identity(*place.spool, identity_name);
  if (is_corrupt(identity)) identity = read_identity(*place.state, identity_copy_name);
  if (!identity) return failure(std::move(identity).error());
  place.identity = *std::move(identity);
  return place;
}

Result<> check_spool_place(const std::string& state_folder, world::Disk& disk, const SpoolId& id) {
  const auto place = find_spool_place(state_folder, disk);
  if (!place) return failure(place.error());
  if (place->identity.id == id) return {};
  return failure(Error::Kind::not_found, fmt::format("{}/{} is another spool now", state_folder, spool_folder_name));
}

}  // namespace posthorn::store
