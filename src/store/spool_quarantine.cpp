#include "store/spool_quarantine.hpp"

#include "store/segment_window.hpp"

#include <fmt/core.h>

namespace posthorn::store {
namespace {

constexpr std::size_t copy_piece = 256U << 10;

Result<> copy_octets(world::File& from, std::uint64_t offset, std::uint64_t octets, world::File& to) {
  SegmentWindow window{from, offset + octets};
  for (std::uint64_t at = offset; at < offset + octets; at += copy_piece) {
    if (auto written = to.write_at(at - offset, window.at(at, copy_piece)); !written) return written;
  }
  return to.sync_data();
}

}  // namespace

void SpoolQuarantine::keep_record(MessageId id, const Place& place, std::string_view what) {
  const auto name = id.to_string();
  report(place, name, what, copy(place, name));
}

void SpoolQuarantine::keep_gap(std::uint64_t generation, const Place& place) {
  const auto name = fmt::format("gap-{:010}-{:010}", generation, place.offset);
  report(place, name, "no record can be read here", copy(place, name));
}

void SpoolQuarantine::keep_body(MessageId id, BodyFiles& bodies, std::string_view what) {
  if (folder_ == nullptr) return;
  const auto moved = bodies.move(id, *folder_, id.to_string() + ".body");
  if (moved) (void)folder_->sync();
  log_.error("spool.body_damaged", {{"message", id},
                                    {"error", what},
                                    {"copy", moved ? folder_->path() : std::string("none")},
                                    {"what_to_do", "the message cannot be delivered; its sender is told"}});
}

bool SpoolQuarantine::copy(const Place& place, const std::string& name) {
  if (folder_ == nullptr) return false;
  auto file = folder_->create_file(name, 0600);
  if (!file) return file.error().kind == Error::Kind::exists;
  const bool copied =
      copy_octets(place.file, place.offset, place.octets, **file) && (*file)->close() && folder_->sync();
  if (!copied) (void)folder_->remove(name);
  return copied;
}

void SpoolQuarantine::report(const Place& place, const std::string& name, std::string_view what, bool is_kept) {
  log_.error("spool.damage", {{"file", place.file_name},
                              {"offset", place.offset},
                              {"octets", place.octets},
                              {"error", what},
                              {"copy", is_kept ? folder_->path() + "/" + name : std::string("none")},
                              {"what_to_do", "look at the copy; check the disk of the spool"}});
}

}  // namespace posthorn::store
