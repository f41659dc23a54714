#include "store/handover_letters.hpp"

#include "mail/path.hpp"
#include "store/mailbox_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace posthorn::store {
namespace {

constexpr std::size_t piece_octets = 64U << 10;
constexpr unsigned letter_mode = 0600;

std::unexpected<Error> no_letter(std::string_view name, std::string_view why) {
  return failure(Error::Kind::invalid, fmt::format("{} is no letter: {}", name, why));
}

/// The value of a line "Name: value"; none: it is another line.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (!ascii::starts_with_word(line, name)) return std::nullopt;
  line.remove_prefix(name.size());
  if (!line.starts_with(':')) return std::nullopt;
  return ascii::trim(line.substr(1));
}

Result<std::optional<mail::Address>> parse_sender(std::string_view value) {
  auto path = mail::parse_path(value);
  if (!path) return failure(path.error());
  if (std::holds_alternative<mail::NullPath>(*path)) return std::optional<mail::Address>{};
  if (auto* address = std::get_if<mail::Address>(&*path)) return std::optional{std::move(*address)};
  return failure(Error::Kind::invalid, "the sender has no domain");
}

/// Reads lines from a file, one after another, without their ends.
class LineReader {
 public:
  explicit LineReader(world::File& file) : file_(file) {}

  /// Where the next line begins.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  /// None at the end of the file, and where HandOverLetters::largest_head ends.
  [[nodiscard]] Result<std::optional<std::string>> next() {
    auto end = buffer_.find('\n');
    while (end == std::string::npos) {
      const auto more = fill();
      if (!more) return failure(more.error());
      if (!*more) return std::nullopt;
      end = buffer_.find('\n');
    }
    auto line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    offset_ += end + 1;
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  [[nodiscard]] Result<bool> fill() {
    const auto at = offset_ + buffer_.size();
    if (at >= HandOverLetters::largest_head) return false;
    std::string piece(piece_octets, '\0');
    const auto count = file_.read_at(at, piece);
    if (!count) return failure(count.error());
    buffer_.append(piece, 0, *count);
    return *count > 0;
  }

  world::File& file_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
};

/// LF to CRLF; a CR that stands before an LF already is not doubled.
class WireConverter {
 public:
  [[nodiscard]] std::string convert(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 16);
    for (const char c : bytes) {
      if (c == '\n' && !after_cr_) out += '\r';
      out += c;
      after_cr_ = c == '\r';
    }
    return out;
  }

 private:
  bool after_cr_ = false;
};

/// A file from somewhere on, for reading.
class TailFile final : public world::File {
 public:
  TailFile(std::unique_ptr<world::File> file, std::uint64_t start) : file_(std::move(file)), start_(start) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    return file_->read_at(start_ + offset, into);
  }
  Result<> write_at(std::uint64_t /*offset*/, std::span<const std::string_view> /*pieces*/) override {
    return refuse();
  }
  Result<> sync_data() override { return {}; }
  Result<std::uint64_t> size() override {
    const auto size = file_->size();
    if (!size) return size;
    return *size - std::min(*size, start_);
  }
  Result<world::EntryFacts> facts() override {
    auto facts = file_->facts();
    if (facts) facts->size -= std::min(facts->size, start_);
    return facts;
  }
  Result<> truncate(std::uint64_t /*size*/) override { return refuse(); }
  Result<> set_owner(unsigned /*user*/, unsigned /*group*/) override { return refuse(); }
  Result<> close() override { return file_->close(); }

 private:
  static Result<> refuse() { return failure(Error::Kind::unsupported, "a letter's text can only be read"); }

  std::unique_ptr<world::File> file_;
  std::uint64_t start_;
};

/// From there to the end, behind `head`, and synced.
Result<> copy(world::File& from, world::File& to, std::string_view head = {}, std::uint64_t start = 0) {
  if (auto put = to.write_at(0, head); !put) return put;
  std::string piece(piece_octets, '\0');
  for (std::uint64_t offset = 0;;) {
    const auto count = from.read_at(start + offset, piece);
    if (!count) return failure(count.error());
    if (*count == 0) break;
    if (auto put = to.write_at(head.size() + offset, std::string_view(piece).substr(0, *count)); !put) return put;
    offset += *count;
  }
  if (auto synced = to.sync_data(); !synced) return synced;
  return to.close();
}

}  // namespace

Result<std::unique_ptr<world::FileLock>> lock_letters(world::Disk& disk, const std::string& root) {
  const auto mail_root = disk.open_root(root);
  if (!mail_root) return failure(mail_root.error());
  const auto folder = (*mail_root)->open_folder(hand_over_folder);
  if (!folder) return failure(folder.error());
  return (*folder)->lock(".lock");
}

Result<std::vector<mail::Domain>> domains_with_letters(world::Disk& disk, const std::string& root) {
  const auto mail_root = disk.open_root(root);
  if (!mail_root) return failure(mail_root.error());
  std::vector<mail::Domain> domains;
  const auto folder = (*mail_root)->open_folder(hand_over_folder);
  if (!folder && folder.error().kind == Error::Kind::not_found) return domains;
  if (!folder) return failure(folder.error());
  const auto entries = (*folder)->list();
  if (!entries) return failure(entries.error());
  for (const auto& entry : *entries) {
    auto domain = mail::Domain::parse(entry.name);
    if (entry.type == world::EntryType::folder && domain && domain->text() == entry.name) {
      domains.push_back(std::move(*domain));
    }
  }
  std::ranges::sort(domains);
  return domains;
}

Result<HandOverLetters> HandOverLetters::open(world::Disk& disk, const std::string& root, const mail::Domain& domain) {
  auto folder = disk.open_root(root);
  for (const std::string_view step : {hand_over_folder, std::string_view(domain.text())}) {
    if (!folder) return failure(folder.error());
    folder = (*folder)->open_folder(step);
  }
  if (!folder) return failure(folder.error());
  auto errors = (*folder)->open_folder(hand_over_errors);
  if (!errors) return failure(errors.error());
  return HandOverLetters{std::move(*folder), std::move(*errors)};
}

Result<std::vector<std::string>> HandOverLetters::names() {
  auto entries = letters_->list();
  if (!entries) return failure(entries.error());
  std::vector<std::string> names;
  for (auto& entry : *entries) {
    if (entry.type == world::EntryType::file && !entry.name.starts_with('.')) names.push_back(std::move(entry.name));
  }
  std::ranges::sort(names);
  return names;
}

Result<LetterEnvelope> HandOverLetters::envelope_of(std::string_view name) {
  const auto file = letters_->open_file(name, false);
  if (!file) return failure(file.error());
  LineReader reader{**file};
  LetterEnvelope envelope;
  auto line = reader.next();
  const auto first = line && *line ? value_of(**line, "Return-Path") : std::nullopt;
  if (!line) return failure(line.error());
  if (!first) return no_letter(name, "it does not begin with Return-Path");
  auto sender = parse_sender(*first);
  if (!sender) return no_letter(name, sender.error().text);
  envelope.sender = std::move(*sender);
  while (true) {
    envelope.text_offset = reader.offset();
    line = reader.next();
    if (!line) return failure(line.error());
    const auto value = *line ? value_of(**line, "X-Envelope-To") : std::nullopt;
    if (!value) break;
    auto recipient = mail::Address::parse(*value);
    if (!recipient) return no_letter(name, recipient.error().text);
    envelope.recipients.push_back(std::move(*recipient));
  }
  if (envelope.recipients.empty()) return no_letter(name, "no X-Envelope-To follows the Return-Path");
  return envelope;
}

Result<> HandOverLetters::read_text(std::string_view name, const LetterEnvelope& envelope,
                                    std::function<Result<>(std::string_view)> take) {
  const auto file = letters_->open_file(name, false);
  if (!file) return failure(file.error());
  WireConverter converter;
  std::string piece(piece_octets, '\0');
  for (auto offset = envelope.text_offset;;) {
    const auto count = (*file)->read_at(offset, piece);
    if (!count) return failure(count.error());
    if (*count == 0) return {};
    offset += *count;
    if (auto taken = take(converter.convert(std::string_view(piece).substr(0, *count))); !taken) return taken;
  }
}

Result<std::unique_ptr<world::File>> HandOverLetters::text_of(std::string_view name, const LetterEnvelope& envelope) {
  auto file = letters_->open_file(name, false);
  if (!file) return failure(std::move(file.error()));
  return std::make_unique<TailFile>(std::move(*file), envelope.text_offset);
}

/// A letter with other recipients, under the same name with a dot before it, synced.
Result<> HandOverLetters::write_copy(std::string_view name, const LetterEnvelope& envelope,
                                     std::span<const mail::Address> recipients, world::Folder& into) {
  const auto from = letters_->open_file(name, false);
  if (!from) return failure(from.error());
  const auto hidden = "." + std::string(name);
  static_cast<void>(into.remove(hidden));  // what a crash left behind
  const auto to = into.create_file(hidden, letter_mode);
  if (!to) return failure(to.error());
  std::string head;
  LineEndConverter{}.feed(letter_head(envelope.sender, recipients), head);
  return copy(**from, **to, head, envelope.text_offset);
}

Result<> HandOverLetters::keep_for(std::string_view name, const LetterEnvelope& envelope,
                                   std::span<const mail::Address> waiting) {
  if (auto written = write_copy(name, envelope, waiting, *letters_); !written) return written;
  if (auto moved = letters_->rename("." + std::string(name), *letters_, name, true); !moved) return moved;
  return letters_->sync();
}

Result<> HandOverLetters::set_aside_for(std::string_view name, const LetterEnvelope& envelope,
                                        std::span<const mail::Address> refused) {
  if (auto written = write_copy(name, envelope, refused, *errors_); !written) return written;
  const auto hidden = "." + std::string(name);
  auto moved = errors_->rename(hidden, *errors_, name, false);
  if (!moved && moved.error().kind == Error::Kind::exists) {
    static_cast<void>(errors_->remove(hidden));
  } else if (!moved) {
    return moved;
  }
  return errors_->sync();
}

Result<> HandOverLetters::remove(std::string_view name) {
  if (auto removed = letters_->remove(name); !removed) return removed;
  return letters_->sync();
}

/// By a copy, because a file system without a journal may lose a file that is renamed from one folder to another.
Result<> HandOverLetters::set_aside(std::string_view name) {
  const auto from = letters_->open_file(name, false);
  if (!from) return failure(from.error());
  const auto hidden = "." + std::string(name);
  static_cast<void>(errors_->remove(hidden));  // what a crash left behind
  auto to = errors_->create_file(hidden, letter_mode);
  if (!to) return failure(to.error());
  if (auto copied = copy(**from, **to); !copied) return copied;
  if (auto moved = errors_->rename(hidden, *errors_, name, false); !moved) return moved;
  if (auto synced = errors_->sync(); !synced) return synced;
  return remove(name);
}

}  // namespace posthorn::store
