#include "system/tls_material.hpp"

#include "system/machine.hpp"
#include "system/system_error.hpp"
#include "system/tls_pem.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

Result<FileMark> mark_of(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return system_failure("open " + path);
  return FileMark{path, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
                  facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

}  // namespace

Result<TlsMaterial> read_material(const TlsIdentityFiles& files, std::string_view certificate, std::string_view key) {
  auto chain = read_certificates(certificate, files.certificate);
  if (!chain) return failure(std::move(chain.error()));
  const auto& key_file = files.key_file();
  auto read = read_key(key, key_file);
  if (!read) return failure(std::move(read.error()));
  if (::X509_check_private_key(chain->front().get(), read->get()) != 1) {
    auto error = tls_error("the key");
    error.text = "the key in " + key_file + " does not belong to the certificate in " + files.certificate;
    return failure(std::move(error));
  }
  return TlsMaterial{.files = files, .chain = std::move(*chain), .key = std::move(*read)};
}

Result<std::vector<FileMark>> marks_of(const std::vector<TlsIdentityFiles>& identities) {
  std::vector<FileMark> marks;
  for (const auto& files : identities) {
    for (const auto& path : {files.certificate, files.key}) {
      if (path.empty()) continue;
      auto mark = mark_of(path);
      if (!mark) return failure(std::move(mark.error()));
      marks.push_back(std::move(*mark));
    }
  }
  return marks;
}

bool have_changed(const std::vector<FileMark>& marks) {
  return std::ranges::any_of(marks, [](const FileMark& read) {
    const auto now = mark_of(read.path);
    return !now || *now != read;
  });
}

Result<std::vector<TlsMaterial>> TlsFileSource::read() {
  auto marks = marks_of(identities_);
  if (!marks) return failure(std::move(marks.error()));
  std::vector<TlsMaterial> all;
  for (const auto& files : identities_) {
    const auto certificate = read_file(files.certificate, largest_file);
    if (!certificate) return failure(certificate.error());
    const auto key = read_file(files.key_file(), largest_file);
    if (!key) return failure(key.error());
    auto material = read_material(files, *certificate, *key);
    if (!material) return failure(std::move(material.error()));
    all.push_back(std::move(*material));
  }
  marks_ = std::move(*marks);
  return all;
}

}  // namespace posthorn::system
