// A target with every fault the runner must notice, one for each first letter.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  if (text.starts_with('a')) std::abort();
  if (text.starts_with('m')) return std::vector<char>(std::size_t{80} << 20, 'm').size() > size ? 0 : 1;
  if (text.starts_with('o')) return data[size] == 'o' ? 1 : 0;
  volatile std::uint64_t turns = 0;
  const bool is_slow = text.starts_with('s');
  while (is_slow && turns < 1'000'000'000) turns = turns + 1;
  while (text.starts_with('h')) turns = turns + 1;
  return 0;
}
