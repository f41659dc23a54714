#include "store/body_file.hpp"

#include "base/crc32c.hpp"
#include "base/planted_fault.hpp"
#include "store/body_files.hpp"
#include "world/workers.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::store {

// ---- the folder ----

void BodyFiles::remove_later(MessageId id, std::unique_ptr<world::File> open_file) {
  ++jobs_;
  workers_.run([self = shared_from_this(), id, file = std::move(open_file)]() mutable {
    file.reset();
    (void)self->remove(id);
    --self->jobs_;
  });
}

// ---- a finished body ----

FinishedBody& FinishedBody::operator=(FinishedBody&& other) noexcept {
  std::swap(files_, other.files_);
  std::swap(id_, other.id_);
  std::swap(octets_, other.octets_);
  std::swap(checksums_, other.checksums_);
  return *this;
}

FinishedBody::~FinishedBody() {
  if (files_) files_->remove_later(id_);
}

// ---- a body being written ----

struct BodyWriter::State {
  std::shared_ptr<BodyFiles> files;
  MessageId id;
  std::unique_ptr<world::File> file;
  std::string buffer;              // what was not written yet
  std::uint64_t written = 0;       // whole blocks
  std::uint64_t failed_syncs = 0;  // of the folder, when the file was made
  std::vector<std::uint32_t> checksums;

  State(std::shared_ptr<BodyFiles> of, MessageId named) : files(std::move(of)), id(named) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (file) files->remove_later(id, std::move(file));
  }

  Result<> create() {
    if (file) return {};
    failed_syncs = files->failed_syncs();
    auto created = files->create(id);
    if (!created) return failure(std::move(created).error());
    file = *std::move(created);
    return {};
  }

  /// Writes the first `octets` of the buffer, which end a block or the body.
  Result<> write(std::size_t octets) {
    if (auto created = create(); !created) return created;
    const auto piece = std::string_view(buffer).substr(0, octets);
    files->note_written(piece.size());
    if (auto done = file->write_at(written, piece); !done) return done;
    for (std::size_t at = 0; at < piece.size(); at += files->block_octets()) {
      checksums.push_back(crc32c(piece.substr(at, files->block_octets())));
    }
    written += octets;
    buffer.erase(0, octets);
    return {};
  }

  /// The file first, then its name.
  Result<> finish() {
    if (auto done = write(buffer.size()); !done) return done;
    if (planted(PlantedFault::body_sync_left_out)) return files->sync();
    if (auto done = file->sync_data(); !done) return done;
    if (auto done = file->close(); !done) return done;
    if (planted(PlantedFault::body_name_sync_left_out)) return {};
    if (auto done = files->sync(); !done) return done;
    if (files->failed_syncs() == failed_syncs) return {};
    return failure(Error::Kind::io, "a sync of the folder of bodies failed meanwhile");
  }
};

BodyWriter::BodyWriter(std::shared_ptr<BodyFiles> files, MessageId id)
    : state_(std::make_unique<State>(std::move(files), id)) {}
BodyWriter::BodyWriter(BodyWriter&&) noexcept = default;
BodyWriter& BodyWriter::operator=(BodyWriter&&) noexcept = default;
BodyWriter::~BodyWriter() = default;

std::uint64_t BodyWriter::octets() const { return state_ ? state_->written + state_->buffer.size() : 0; }

world::Task<Result<>> BodyWriter::append(world::Loop& loop, std::string_view bytes) {
  auto& state = *state_;
  const auto block = state.files->block_octets();
  while (!bytes.empty()) {
    const auto some = bytes.substr(0, block - state.buffer.size());
    state.buffer += some;
    bytes.remove_prefix(some.size());
    if (state.buffer.size() < block) co_return Result<>{};
    auto written =
        co_await world::on_workers(state.files->workers(), loop, [&state] { return state.write(state.buffer.size()); });
    if (!written) co_return failure(std::move(written).error().context("write a message body to the spool"));
  }
  co_return Result<>{};
}

world::Task<Result<FinishedBody>> BodyWriter::finish(world::Loop& loop) {
  auto& state = *state_;
  auto finished = co_await world::on_workers(state.files->workers(), loop, [&state] { return state.finish(); });
  if (!finished) co_return failure(std::move(finished).error().context("sync a message body in the spool"));
  FinishedBody body;
  body.files_ = state.files;
  body.id_ = state.id;
  body.octets_ = state.written;
  body.checksums_ = std::move(state.checksums);
  state.file.reset();
  state_.reset();
  co_return std::move(body);
}

}  // namespace posthorn::store
