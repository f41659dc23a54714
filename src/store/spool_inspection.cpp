#include "store/spool_inspection.hpp"

#include "base/crc32c.hpp"
#include "store/body_files.hpp"
#include "store/message_reader.hpp"
#include "store/segment_folder.hpp"
#include "store/spool_core.hpp"
#include "store/spool_quarantine.hpp"
#include "store/spool_recovery.hpp"
#include "store/spool_state.hpp"
#include "world/silent_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace posthorn::store {
namespace {

/// Nothing here is handed to another thread.
class OwnThread final : public world::Workers {
 public:
  void run(world::Callback job) override { job(); }
};

/// A body as far as its blocks are good. The error says where it is not.
Result<> read_body(world::File& file, const BodyFacts& body, std::uint64_t& offset,
                   const std::function<void(std::string_view)>& take) {
  std::string block;
  for (const auto checksum : body.checksums) {
    block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(body.block_octets, body.octets - offset)));
    const auto size = file.read_at(offset, block);
    if (!size) return failure(size.error());
    if (*size != block.size()) return failure(Error::Kind::corrupt, "the end of the body is missing");
    if (crc32c(block) != checksum) return failure(Error::Kind::corrupt, "the body fails its checksum");
    take(block);
    offset += block.size();
  }
  return {};
}

}  // namespace

struct SpoolInspection::Parts {
  Parts(SpoolPlace found, std::unique_ptr<world::Folder> bodies_folder)
      : place(std::move(found)),
        folder(*place.spool, SegmentFolder::Access::read),
        bodies(std::make_shared<BodyFiles>(std::move(bodies_folder), workers, 0)),
        quarantine(nullptr, log),
        reader(state, folder, *bodies, quarantine) {}

  world::SilentLog log;
  OwnThread workers;
  SpoolPlace place;
  SpoolState state;
  SegmentFolder folder;
  std::shared_ptr<BodyFiles> bodies;
  SpoolQuarantine quarantine;
  MessageReader reader;
};

SpoolInspection::SpoolInspection(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SpoolInspection::~SpoolInspection() = default;

Result<std::unique_ptr<SpoolInspection>> SpoolInspection::open(world::Disk& disk, const std::string& state_folder) {
  auto place = find_spool_place(state_folder, disk);
  if (!place) return failure(std::move(place).error());
  // A start that was cut short has made the spool, but not yet this folder.
  auto bodies = place->spool->open_folder(bodies_folder_name);
  if (!bodies && bodies.error().kind != Error::Kind::not_found) return failure(std::move(bodies).error());
  auto folder = bodies ? *std::move(bodies) : nullptr;
  return std::make_unique<SpoolInspection>(std::make_unique<Parts>(*std::move(place), std::move(folder)));
}

const SpoolIdentity& SpoolInspection::identity() const { return parts_->place.identity; }

RecoveryReport SpoolInspection::read(Depth depth) {
  auto& parts = *parts_;
  SpoolRecovery recovery{parts.state, parts.folder, {.quarantine = nullptr, .check_all = depth == Depth::whole}};
  const auto found = parts.folder.find();
  if (!found) {
    recovery.report().damages.push_back({std::string(spool_folder_name), 0, 0, found.error().text});
    return std::move(recovery.report());
  }
  recovery.register_segments(*found, parts.place.identity.id);
  // As the next start would see it.
  parts.state.start = std::max(parts.place.identity.starts, parts.state.start) + 1;
  while (recovery.read_next()) {
  }
  if (parts.bodies->is_there()) recovery.check_bodies(*parts.bodies);
  (void)recovery.finish();
  auto report = std::move(recovery.report());
  if (!parts.bodies->is_there()) name_missing_bodies(report);
  if (depth == Depth::live) return report;
  check_identities(report);
  check_headers(report);
  check_bodies(report);
  return report;
}

// ---- what recovery can do without ----

void SpoolInspection::check_identities(RecoveryReport& report) const {
  const auto check = [&report](world::Folder& folder, std::string_view name, std::string shown) {
    const auto identity = read_identity(folder, name);
    if (!identity) report.damages.push_back({std::move(shown), 0, 0, identity.error().text});
  };
  check(*parts_->place.spool, identity_name, std::string(identity_name));
  check(*parts_->place.state, identity_copy_name, "../" + std::string(identity_copy_name));
}

/// Recovery needs one of the two copies.
void SpoolInspection::check_headers(RecoveryReport& report) {
  for (const auto& [number, segment] : parts_->state.segments.all()) {
    const auto file = parts_->folder.open(number);
    if (!file) continue;  // named already
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{segment.header.block}}) {
      std::string octets(segment_header_octets, '\0');
      const auto size = (*file)->read_at(at, octets);
      const auto header = size ? decode_segment_header(octets.substr(0, *size)) : failure(size.error());
      if (!header) {
        report.damages.push_back({SegmentFolder::name_of(number), at, segment_header_octets,
                                  "one of the two headers: " + header.error().text});
      }
    }
  }
}

/// Where the whole folder is missing.
void SpoolInspection::name_missing_bodies(RecoveryReport& report) const {
  for (const auto& [id, message] : parts_->state.index.all()) {
    if (!message.has_body_file) continue;
    report.damages.push_back({std::string(bodies_folder_name) + "/" + id.to_string(), 0, message.octets,
                              "the body of a message is missing"});
  }
}

void SpoolInspection::check_bodies(RecoveryReport& report) {
  for (const auto& [id, message] : parts_->state.index.all()) {
    if (message.has_body_file) check_body(id, report);
  }
}

void SpoolInspection::check_body(MessageId id, RecoveryReport& report) {
  const auto message = parts_->reader.read(id, MessageReader::Part::envelope);
  if (!message || !message->facts.body_file || !parts_->bodies->is_there()) return;  // named already
  const auto name = std::string(bodies_folder_name) + "/" + id.to_string();
  const auto file = parts_->bodies->open(id);
  if (!file && file.error().kind == Error::Kind::not_found) return;  // named already
  if (!file) return report.damages.push_back({name, 0, message->facts.body_file->octets, file.error().text});
  std::uint64_t offset = 0;
  const auto read = read_body(**file, *message->facts.body_file, offset, [](std::string_view /*block*/) {});
  if (read) return;
  const auto octets =
      std::min<std::uint64_t>(message->facts.body_file->block_octets, message->facts.body_file->octets - offset);
  report.damages.push_back({name, offset, octets, read.error().text + ", of message " + id.to_string()});
}

// ---- messages ----

std::vector<StoredMessage> SpoolInspection::next(MessageId after, std::size_t limit,
                                                 std::vector<MessageId>& unreadable) {
  std::vector<StoredMessage> messages;
  const auto& all = parts_->state.index.all();
  for (auto at = all.upper_bound(after); at != all.end() && messages.size() < limit; ++at) {
    auto message = find(at->first);
    if (message) {
      messages.push_back(*std::move(message));
    } else {
      unreadable.push_back(at->first);
    }
  }
  return messages;
}

Result<StoredMessage> SpoolInspection::find(MessageId id) {
  auto message = parts_->reader.read(id, MessageReader::Part::envelope);
  if (!message) return failure(std::move(message).error());
  return SpoolCore::stored(id, *message);
}

Result<> SpoolInspection::read_text(MessageId id, const std::function<void(std::string_view)>& take) {
  const auto message = parts_->reader.read(id, MessageReader::Part::all);
  if (!message) return failure(message.error());
  if (message->is_damaged) return failure(Error::Kind::corrupt, "the text of the message fails its checksum");
  take(message->content);
  if (!message->facts.body_file) return {};
  if (!parts_->bodies->is_there()) return failure(Error::Kind::corrupt, "the body of the message is missing");
  const auto file = parts_->bodies->open(id);
  if (!file) return failure(Error::Kind::corrupt, "the body of the message cannot be read: " + file.error().text);
  std::uint64_t offset = 0;
  return read_body(**file, *message->facts.body_file, offset, take);
}

}  // namespace posthorn::store
