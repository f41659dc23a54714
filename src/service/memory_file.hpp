// MemoryFile: a text in memory as a world::File that can only be read, for letters that are made and not found on a disk.
#pragma once

#include "world/disk.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::service {

class MemoryFile final : public world::File {
 public:
  explicit MemoryFile(std::string text) : text_(std::move(text)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    const auto start = std::min<std::uint64_t>(offset, text_.size());
    return std::string_view(text_).substr(start).copy(into.data(), into.size());
  }
  Result<> write_at(std::uint64_t /*offset*/, std::span<const std::string_view> /*pieces*/) override {
    return refuse();
  }
  Result<> sync_data() override { return {}; }
  [[nodiscard]] Result<std::uint64_t> size() override { return text_.size(); }
  [[nodiscard]] Result<world::EntryFacts> facts() override {
    return world::EntryFacts{.type = world::EntryType::file, .size = text_.size()};
  }
  Result<> truncate(std::uint64_t /*size*/) override { return refuse(); }
  Result<> set_owner(unsigned /*user*/, unsigned /*group*/) override { return refuse(); }
  Result<> close() override { return {}; }

 private:
  static Result<> refuse() { return failure(Error::Kind::unsupported, "it can only be read"); }

  std::string text_;
};

}  // namespace posthorn::service
