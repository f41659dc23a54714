// Secret: a password, key or token. It has no text form and no comparison, is moved but never copied by accident, and wipes
// its octets when it ends (SECURITY: secrets in output). Whoever must send or check it calls reveal() at that place.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&& other) noexcept : text_(std::exchange(other.text_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    text_ = std::exchange(other.text_, {});
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  /// The octets themselves, as long as the object lives.
  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool is_empty() const { return text_.empty(); }
  [[nodiscard]] Secret copy() const { return Secret{text_}; }

 private:
  void wipe() {
    // volatile: the compiler may not leave out stores to memory that nobody reads again
    for (volatile char& c : text_) c = '\0';
    text_.clear();
  }

  std::string text_;
};

}  // namespace posthorn
