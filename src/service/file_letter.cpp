#include "service/file_letter.hpp"

#include "base/crc32c.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::size_t piece_octets = 64U << 10;

/// Reads a whole file piece by piece.
template <class Take>
Result<> read_all(world::File& file, Take take) {
  std::string piece(piece_octets, '\0');
  for (std::uint64_t offset = 0;;) {
    const auto count = file.read_at(offset, piece);
    if (!count) return failure(count.error());
    if (*count == 0) return {};
    take(std::string_view(piece).substr(0, *count));
    offset += *count;
  }
}

}  // namespace

LetterReader::LetterReader(mail::LetterFrame frame, std::vector<SurveyedFile> files)
    : frame_(std::move(frame)), files_(std::move(files)) {}

Result<std::string_view> LetterReader::next() {
  piece_.clear();
  while (piece_.empty() && !at_end_) {
    if (at_file_ == files_.size()) {
      piece_ = frame_.after;
      at_end_ = true;
    } else if (!encoder_) {
      piece_ = frame_.before[at_file_];
      encoder_.emplace(frame_.encodings[at_file_]);
      offset_ = 0;
      checksum_ = 0;
    } else {
      const auto more = read_file();
      if (!more) return failure(more.error());
      if (*more) continue;
      encoder_.reset();
      ++at_file_;
    }
  }
  return std::string_view(piece_);
}

/// False: that was the end of the file.
Result<bool> LetterReader::read_file() {
  const auto& file = files_[at_file_];
  const auto left = file.octets - offset_;
  input_.resize(std::min<std::uint64_t>(piece_octets, left));
  const auto count = left > 0 ? file.file->read_at(offset_, input_) : Result<std::size_t>{0};
  if (!count) return failure(count.error());
  const auto read = std::string_view(input_).substr(0, *count);
  offset_ += *count;
  checksum_ = crc32c(read, checksum_);
  // Half of an old text and half of a new one is no mail, and the encoding was chosen by what was there.
  const bool has_changed = left > 0 ? *count == 0 : checksum_ != file.checksum;
  if (has_changed) return failure(Error::Kind::invalid, file.name + ": it was changed while it was read");
  if (left > 0) {
    encoder_->write(read, piece_);
  } else {
    encoder_->finish(piece_);
  }
  return left > 0;
}

void LetterReader::rewind() {
  at_file_ = 0;
  encoder_.reset();
  at_end_ = false;
}

Result<std::uint64_t> LetterReader::measure() {
  rewind();
  std::uint64_t octets = 0;
  while (true) {
    const auto piece = next();
    if (!piece) return failure(piece.error());
    if (piece->empty()) break;
    octets += piece->size();
  }
  rewind();
  return octets;
}

Result<FileLetter> FileLetter::make(mail::NewMessage head, std::string boundary, std::vector<LetterInput> inputs) {
  FileLetter letter;
  letter.head_ = std::move(head);
  letter.boundary_ = std::move(boundary);
  for (auto& input : inputs) {
    if (auto added = letter.add(std::move(input)); !added) return failure(std::move(added.error()));
  }
  return letter;
}

Result<FileLetter> FileLetter::make_as_is(LetterInput input) {
  FileLetter letter;
  auto added = letter.add(std::move(input));
  if (!added) return failure(std::move(added.error()));
  if (letter.files_.front().survey.has_nul()) {
    return failure(Error::Kind::invalid, "it has an octet 0, which is no message: send it without --body-as-is");
  }
  return letter;
}

Result<> FileLetter::add(LetterInput input) {
  mail::LetterFile file{.name = std::move(input.name), .is_attachment = input.is_attachment};
  SurveyedFile surveyed{.file = input.file.get(), .name = file.name.empty() ? "the text" : file.name};
  auto read = read_all(*input.file, [&file, &surveyed](std::string_view piece) {
    file.survey.read(piece);
    surveyed.octets += piece.size();
    surveyed.checksum = crc32c(piece, surveyed.checksum);
  });
  if (!read) return read;
  file.survey.finish();
  surveyed_.push_back(std::move(surveyed));
  files_.push_back(std::move(file));
  open_.push_back(std::move(input.file));
  return {};
}

LetterReader FileLetter::read(bool may_be_8bit) const {
  if (!head_) {
    mail::LetterFrame frame{.before = {""}, .encodings = {mail::TransferEncoding::eight_bit}};
    if (files_.front().survey.high_octets() > 0) frame.body = mail::BodyType::eight_bit;
    return {std::move(frame), surveyed_};
  }
  auto head = *head_;
  head.may_be_8bit = may_be_8bit;
  return {mail::frame_letter(head, files_, boundary_), surveyed_};
}

}  // namespace posthorn::service
