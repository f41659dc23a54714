#include "service/file_letter.hpp"

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

LetterReader::LetterReader(mail::LetterFrame frame, std::vector<world::File*> files)
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
  input_.resize(piece_octets);
  const auto count = files_[at_file_]->read_at(offset_, input_);
  if (!count) return failure(count.error());
  offset_ += *count;
  if (*count > 0) {
    encoder_->write(std::string_view(input_).substr(0, *count), piece_);
    return true;
  }
  encoder_->finish(piece_);
  return false;
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
  auto read = read_all(*input.file, [&file](std::string_view piece) { file.survey.read(piece); });
  if (!read) return read;
  file.survey.finish();
  files_.push_back(std::move(file));
  open_.push_back(std::move(input.file));
  return {};
}

LetterReader FileLetter::read(bool may_be_8bit) const {
  std::vector<world::File*> files;
  for (const auto& file : open_) files.push_back(file.get());
  if (!head_) {
    mail::LetterFrame frame{.before = {""}, .encodings = {mail::TransferEncoding::eight_bit}};
    if (files_.front().survey.high_octets() > 0) frame.body = mail::BodyType::eight_bit;
    return {std::move(frame), std::move(files)};
  }
  auto head = *head_;
  head.may_be_8bit = may_be_8bit;
  return {mail::frame_letter(head, files_, boundary_), std::move(files)};
}

}  // namespace posthorn::service
