// MboxRedo: how mail comes into an mbox so that a crash anywhere leaves it in there once and whole. Each mail of a batch
// stands in a file of its own, durable, named after where it goes: ".adding.<offset>.<check>.<name>"; the check is that of
// the octets before the batch, so that a file which somebody rewrote meanwhile is known. Then the octets are added and
// made durable, then the files go. finish_earlier() does for what an earlier batch left what that batch had not done.
// The caller holds the mbox's locks.
#pragma once

#include "store/mailbox_pending.hpp"
#include "world/shared_files.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace posthorn::store {

class MboxRedo {
 public:
  /// Both outlive it.
  MboxRedo(world::Folder& folder, world::SharedFile& mbox) : folder_(folder), mbox_(mbox) {}

  [[nodiscard]] Result<> finish_earlier();
  /// Adds these, in this order; all or none. After an error they may be there nevertheless, whole, or come with the next
  /// finish_earlier().
  [[nodiscard]] Result<> add(std::span<PendingFile* const> mails);
  /// Whether the mail stands in the mbox: its first lines do.
  [[nodiscard]] Result<bool> holds(const PendingFile& mail);

 private:
  struct Waiting {
    std::uint64_t offset = 0;
    std::uint32_t check = 0;
    std::string file;  ///< its name
  };

  /// How the mbox was found.
  struct Earlier {
    bool is_as_it_was = false;  ///< before the batch
    bool has_more_behind = false;
  };

  [[nodiscard]] Result<std::vector<Waiting>> waiting();
  [[nodiscard]] Result<> keep_one_name(std::vector<Waiting>& mails);
  [[nodiscard]] Result<std::uint64_t> end_of(const Waiting& mail);
  [[nodiscard]] Result<> make_whole(Waiting& mail, const Earlier& earlier);
  [[nodiscard]] Result<> promise_at_end(Waiting& mail);
  [[nodiscard]] Result<> end_last_line();
  [[nodiscard]] Result<std::uint32_t> check_before(std::uint64_t offset);
  [[nodiscard]] Result<bool> has(std::uint64_t offset, world::File& text);
  [[nodiscard]] Result<> put(std::uint64_t offset, world::File& text);
  [[nodiscard]] Result<> promise(std::span<PendingFile* const> mails, std::uint64_t offset,
                                 std::vector<Waiting>& promised);
  [[nodiscard]] Result<> keep(const std::vector<Waiting>& promised);
  void take_back(const std::vector<Waiting>& promised, std::uint64_t size);
  [[nodiscard]] Result<std::string> first_lines(const std::string& file);
  [[nodiscard]] Result<bool> contains(std::string_view lines);

  world::Folder& folder_;
  world::SharedFile& mbox_;
};

}  // namespace posthorn::store
