// The standalone runner of a fuzz target: every seed of the corpus, then seeded mutations of them until the count or the
// processor time is used up. The same build makes the same inputs in the same order. An input that ends the process, takes
// more than a second of processor time, or holds more than 64 MiB at once fails the run; it is kept in --failures.
//
// usage: NAME_fuzzer [--seconds S] [--count N] [--seed N] [--failures FOLDER] [--dictionary FILE] CORPUS_FOLDER | FILE
#include <sanitizer/allocator_interface.h>
#include <sanitizer/common_interface_defs.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

struct Settings {
  double seconds = 4;
  std::uint64_t count = 200'000;
  std::uint64_t seed = 1;
  std::string failures = ".";
  std::string dictionary;
  std::string corpus;
};

constexpr double longest_input_seconds = 1;
constexpr int hang_seconds = 4;
constexpr std::int64_t largest_growth = std::int64_t{64} << 20;
constexpr std::size_t largest_input = std::size_t{64} << 10;

// What the handlers need when an input ends the process; there is one input at a time.
struct Current {
  std::string input;
  std::array<char, 512> failure_path{};
  std::atomic<std::int64_t> held{0};
  std::atomic<std::int64_t> most_held{0};
};

Current& current() {
  static Current value;
  return value;
}

double processor_seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Runs while the process dies, perhaps in the middle of an allocation: system calls only.
void keep_input() {
  const int file = open(current().failure_path.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (write(file, current().input.data(), current().input.size()) >= 0) {
    constexpr std::string_view told = "the input is kept in ";
    (void)!write(STDERR_FILENO, told.data(), told.size());
    (void)!write(STDERR_FILENO, current().failure_path.data(), std::string_view(current().failure_path.data()).size());
    (void)!write(STDERR_FILENO, "\n", 1);
  }
  close(file);
}

void on_signal(int signal) {
  std::fputs(signal == SIGPROF ? "FAILED: an input does not end\n" : "FAILED: an input ends the process\n", stderr);
  keep_input();
  __sanitizer_print_stack_trace();
  std::_Exit(1);
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "FAILED: %s\n", why.c_str());
  keep_input();
  std::_Exit(1);
}

void on_allocate(const volatile void*, std::size_t size) {
  auto& now = current();
  const auto held = now.held += static_cast<std::int64_t>(size);
  if (held > now.most_held) now.most_held = held;
}

void on_free(const volatile void* memory) {
  if (memory == nullptr) return;
  current().held -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(memory));
}

void watch() {
  for (const int signal : {SIGABRT, SIGPROF}) std::signal(signal, on_signal);
  __sanitizer_set_death_callback(keep_input);
  __sanitizer_install_malloc_and_free_hooks(on_allocate, on_free);
}

void run(std::string input) {
  auto& now = current();
  now.input = std::move(input);
  now.held = 0;
  now.most_held = 0;
  const itimerval hang{.it_interval = {}, .it_value = {.tv_sec = hang_seconds, .tv_usec = 0}};
  setitimer(ITIMER_PROF, &hang, nullptr);
  const auto start = processor_seconds();
  const std::vector<std::uint8_t> bytes(now.input.begin(), now.input.end());  // a block of its own: ASan sees its ends
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  const auto used = processor_seconds() - start;
  if (used > longest_input_seconds) fail("an input took " + std::to_string(used) + " s");
  if (now.most_held > largest_growth) fail("an input held " + std::to_string(now.most_held) + " octets at once");
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> seeds, std::vector<std::string> words)
      : state_(seed * 0x9e3779b97f4a7c15ULL + 1), seeds_(std::move(seeds)), words_(std::move(words)) {}

  std::string next() {
    std::string input = pick(seeds_);
    for (auto steps = 1 + below(4); steps > 0; --steps) step(input);
    if (input.size() > largest_input) input.resize(largest_input);
    return input;
  }

 private:
  std::uint64_t draw() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>((draw() >> 32) % bound); }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  /// A short length more often than a long one.
  std::size_t length_up_to(std::size_t most) { return std::min(most, below(std::size_t{1} << (1 + below(7)))); }

  void step(std::string& input) {
    const auto at = below(input.size() + 1);
    const auto rest = input.size() - at;
    switch (below(8)) {
      case 0:
        if (rest > 0) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        if (rest > 0) input[at] = static_cast<char>(below(256));
        break;
      case 2:
        input.erase(at, length_up_to(rest));
        break;
      case 3:
        input.insert(at, input.substr(below(input.size() + 1), length_up_to(input.size())));
        break;
      case 4:
        input.insert(at, pick(words_));
        break;
      case 5:
        input.replace(at, std::min(rest, pick(words_).size()), pick(words_));
        break;
      case 6:
        splice(input, at);
        break;
      default:
        input.insert(at, below(64), static_cast<char>(below(256)));
        break;
    }
  }

  void splice(std::string& input, std::size_t at) {
    const auto& other = pick(seeds_);
    input = input.substr(0, at) + other.substr(below(other.size() + 1));
  }

  std::uint64_t state_;
  std::vector<std::string> seeds_;
  std::vector<std::string> words_;
};

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> seeds_in(const std::string& place) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(place)) {
    for (const auto& entry : std::filesystem::directory_iterator(place)) files.push_back(entry.path());
  } else if (std::filesystem::is_regular_file(place)) {
    files.emplace_back(place);
  }
  std::ranges::sort(files);
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(content_of(file));
  return seeds;
}

/// The text between the quotes of one line of a libFuzzer dictionary, its \xNN, \\ and \" undone.
std::string word_of(std::string_view line) {
  const auto open_quote = line.find('"');
  const auto close_quote = line.rfind('"');
  std::string word;
  if (line.starts_with('#') || open_quote >= close_quote) return word;
  line = line.substr(open_quote + 1, close_quote - open_quote - 1);
  while (!line.empty()) {
    unsigned value = 0;
    if (line.starts_with("\\x") &&
        std::from_chars(line.data() + 2, line.data() + std::min<std::size_t>(4, line.size()), value, 16).ec ==
            std::errc{}) {
      word += static_cast<char>(value);
      line.remove_prefix(std::min<std::size_t>(4, line.size()));
      continue;
    }
    if (line.size() > 1 && line.front() == '\\') line.remove_prefix(1);
    word += line.front();
    line.remove_prefix(1);
  }
  return word;
}

std::vector<std::string> words_in(const std::string& dictionary) {
  std::vector<std::string> words = {
      "\r\n", "\n", "\r", ".\r\n", "\r\n.\r\n", std::string(1, '\0'),   " ",  "\t",   "<",        ">", "@", "\"",
      "\\",   ":",  ";",  "=",     "0",         "18446744073709551616", "-1", "\xff", "\xc3\xa9", "%s"};
  std::ifstream in(dictionary);
  for (std::string line; std::getline(in, line);) {
    if (auto word = word_of(line); !word.empty()) words.push_back(std::move(word));
  }
  return words;
}

Settings settings_of(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!option.starts_with("--")) {
      settings.corpus = option;
      continue;
    }
    ++i;
    if (option == "--seconds") settings.seconds = std::strtod(value, nullptr);
    if (option == "--count") settings.count = std::strtoull(value, nullptr, 10);
    if (option == "--seed") settings.seed = std::strtoull(value, nullptr, 10);
    if (option == "--failures") settings.failures = value;
    if (option == "--dictionary") settings.dictionary = value;
  }
  return settings;
}

void name_failures(const Settings& settings, std::string_view program) {
  std::filesystem::create_directories(settings.failures);
  const auto name = std::filesystem::path(program).filename().string() + ".input";
  const auto path = (std::filesystem::path(settings.failures) / name).string();
  path.copy(current().failure_path.data(), current().failure_path.size() - 1);
}

}  // namespace

int main(int argc, char** argv) {
  const auto settings = settings_of(argc, argv);
  auto seeds = seeds_in(settings.corpus);
  if (seeds.empty()) {
    std::fprintf(stderr, "no seed in %s: a fuzz target needs some\n", settings.corpus.c_str());
    return 64;
  }
  name_failures(settings, argv[0]);
  watch();
  const auto start = processor_seconds();
  for (const auto& seed : seeds) run(seed);
  const auto seed_count = seeds.size();
  Mutator mutator(settings.seed, std::move(seeds), words_in(settings.dictionary));
  std::uint64_t mutations = 0;
  while (mutations < settings.count && processor_seconds() - start < settings.seconds) {
    run(mutator.next());
    ++mutations;
  }
  std::printf("%zu seeds and %llu mutations in %.1f s\n", seed_count, static_cast<unsigned long long>(mutations),
              processor_seconds() - start);
  return 0;
}
