// FileLetter: a message made of files while it is read: for `send`, in bounded memory whatever their size. Each file is read
// once to find out what it is, then as often as the message is sent. Calls that read block, but for LetterText's.
#pragma once

#include "mail/letter_frame.hpp"
#include "service/text_source.hpp"
#include "world/disk.hpp"
#include "world/workers.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

/// A file to be sent, as it is now: what is appended later is not sent, and another change is an error of reading, `invalid`.
struct LetterInput {
  std::unique_ptr<world::File> file;
  std::string name;  ///< without folders; empty: none
  bool is_attachment = false;
};

/// A file of a letter, and what it was when it was read first.
struct SurveyedFile {
  world::File* file = nullptr;
  std::string name;  ///< for errors
  std::uint64_t octets = 0;
  std::uint32_t checksum = 0;
};

/// Reads a framed letter from its start to its end. Blocks.
class LetterReader {
 public:
  LetterReader(mail::LetterFrame frame, std::vector<SurveyedFile> files);

  /// The next piece, empty at the end; valid until the next call.
  [[nodiscard]] Result<std::string_view> next();
  void rewind();
  /// All of it from the start, which takes as long as reading it does; then rewound.
  [[nodiscard]] Result<std::uint64_t> measure();

  [[nodiscard]] mail::BodyType body() const { return frame_.body; }
  [[nodiscard]] bool needs_smtputf8() const { return frame_.smtputf8; }

 private:
  [[nodiscard]] Result<bool> read_file();

  mail::LetterFrame frame_;
  std::vector<SurveyedFile> files_;
  std::size_t at_file_ = 0;                      // one past the last: what stands behind them
  std::uint64_t offset_ = 0;                     // in that file
  std::uint32_t checksum_ = 0;                   // of what was read of it
  std::optional<mail::ContentEncoder> encoder_;  // none: what stands before the file was not given yet
  bool at_end_ = false;
  std::string input_;
  std::string piece_;
};

class FileLetter {
 public:
  /// Made of these files; the first is the text. `head`: see frame_letter(). Errors: of reading, naming the file.
  [[nodiscard]] static Result<FileLetter> make(mail::NewMessage head, std::string boundary,
                                               std::vector<LetterInput> inputs);
  /// A file that is a complete message already; its line ends become CRLF. Errors: the same, and `invalid`: it has a NUL,
  /// which no server takes.
  [[nodiscard]] static Result<FileLetter> make_as_is(LetterInput input);

  /// As it is sent to a server that takes 8BITMIME, or to one that does not. The letter outlives it.
  [[nodiscard]] LetterReader read(bool may_be_8bit) const;
  [[nodiscard]] bool is_as_is() const { return !head_; }
  [[nodiscard]] bool has_long_line() const { return files_.front().survey.has_long_line(); }

 private:
  FileLetter() = default;
  [[nodiscard]] Result<> add(LetterInput input);

  std::optional<mail::NewMessage> head_;
  std::string boundary_;
  std::vector<mail::LetterFile> files_;
  std::vector<std::unique_ptr<world::File>> open_;
  std::vector<SurveyedFile> surveyed_;
};

/// A letter's text as a connection reads it: on a worker.
class LetterText final : public TextSource {
 public:
  LetterText(LetterReader reader, std::uint64_t octets, world::Workers& workers)
      : reader_(std::move(reader)), octets_(octets), workers_(workers) {}

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }
  [[nodiscard]] world::Task<Result<std::string_view>> next(world::Loop& loop) override {
    co_return co_await world::on_workers(workers_, loop, [this] { return reader_.next(); });
  }
  void rewind() override { reader_.rewind(); }

 private:
  LetterReader reader_;
  std::uint64_t octets_;
  world::Workers& workers_;
};

}  // namespace posthorn::service
