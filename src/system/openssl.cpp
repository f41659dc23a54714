#include "system/openssl.hpp"

#include "base/assert.hpp"

#include <openssl/err.h>

#include <limits>

namespace posthorn::system {

Error tls_error(std::string_view doing) {
  std::string text;
  while (const auto code = ::ERR_get_error()) {
    const char* const reason = ::ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    text += reason != nullptr ? std::string{reason} : "error " + std::to_string(code);
  }
  if (text.empty()) text = "no reason given";
  return Error{Error::Kind::tls, text}.context(doing);
}

std::unexpected<Error> tls_failure(std::string_view doing) { return failure(tls_error(doing)); }

BioPointer bio_over(std::string_view text) {
  ensure(text.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "a BIO holds up to two gigabytes");
  BioPointer bio{::BIO_new_mem_buf(text.empty() ? "" : text.data(), static_cast<int>(text.size()))};
  ensure(bio != nullptr, "memory for a BIO");
  BIO_set_mem_eof_return(bio.get(), -1);
  return bio;
}

BioPointer bio_to_fill() {
  BioPointer bio{::BIO_new(::BIO_s_mem())};
  ensure(bio != nullptr, "memory for a BIO");
  return bio;
}

std::string drain(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string bytes{data, size > 0 ? static_cast<std::size_t>(size) : 0};
  static_cast<void>(BIO_reset(bio));
  return bytes;
}

}  // namespace posthorn::system
