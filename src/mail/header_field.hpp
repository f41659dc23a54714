// The header of a message cut into fields (RFC 5322 §2.2, with §4.5's blanks before the colon), by the same rules as
// MessageScanner's: a field is a name, optional blanks, a colon, and the lines after it that start with a blank; a line
// that is none of these is kept as what it is and ends nothing; the header ends at the first empty line.
// Views only, nothing is copied; linear. Lines may end in CRLF or LF.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

struct HeaderField {
  std::string_view name;   ///< empty: a line that is no field
  std::string_view value;  ///< what follows the colon, folds and blanks included, the last line end not
  std::string_view raw;    ///< all of it with its line ends

  /// Compares names in any case.
  [[nodiscard]] bool is(std::string_view wanted) const;
  bool operator==(const HeaderField&) const = default;
};

class HeaderReader {
 public:
  /// Reads a message, or a header alone. `message` must outlive the reader and the fields.
  explicit HeaderReader(std::string_view message) : rest_(message) {}

  /// The next field; none when the header has ended.
  [[nodiscard]] std::optional<HeaderField> next();
  /// After next() gave none: what follows the empty line. Empty if there was no such line.
  [[nodiscard]] std::string_view body() const { return rest_; }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

/// The value with its folds undone (RFC 5322 §2.2.3) and without blanks at either end.
[[nodiscard]] std::string unfolded(std::string_view value);

}  // namespace posthorn::mail
