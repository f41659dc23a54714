// Kinds of values and how a table of settings is put together from them. A Kind knows how its values are read, written
// and called; key() binds one to a member of a struct; table() makes a kind of a whole struct. From the one description
// come the reader, the reference, the example file and "did you mean" (config/settings.hpp, config/reference.hpp).
#pragma once

#include "config/document.hpp"
#include "config/fault.hpp"

#include <algorithm>
#include <cstddef>
#include <expected>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthorn::config {

/// The version of the settings that stand in the first release.
inline constexpr std::string_view first_version = "0.1";

/// What people are told about a setting.
struct SettingFacts {
  std::string name;
  std::string kind;           ///< "a duration such as \"30s\""
  std::string default_value;  ///< as TOML
  std::string default_words;  ///< what holds by default when no value says it: "the system's host name"; else empty
  std::string example;        ///< beside default_words: a value as TOML
  std::string explanation;
  std::string since;
  bool is_table = false;
  bool is_repeated = false;         ///< [[name]]
  std::vector<SettingFacts> below;  ///< of a table
};

/// One reading of a document: where in it we are and what was wrong so far.
class Reading {
 public:
  /// Every key there is, for "belongs in".
  explicit Reading(std::vector<std::string> known_paths = {}) : known_paths_(std::move(known_paths)) {}

  void fault(Place place, std::string text);
  /// In a key of the table that is being looked at, given or not.
  void fault_of_key(std::string_view key, const Value& table, std::string text);
  /// A key that is none of `names`.
  void unknown_key(const Entry& entry, std::span<const std::string_view> names);

  [[nodiscard]] std::size_t fault_count() const { return faults_.size(); }
  /// In the order of the file.
  [[nodiscard]] Faults take_faults();

  /// While it lives, faults are in `key` of where we were.
  class Within {
   public:
    Within(Reading& reading, std::string_view key);
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;
    ~Within();

   private:
    Reading& reading_;
    std::size_t outer_length_;
  };

 private:
  [[nodiscard]] std::optional<std::string> same_name_elsewhere(std::string_view name) const;

  std::vector<std::string> known_paths_;
  std::string path_;
  Faults faults_;
};

template <class T>
struct Kind {
  std::string name;  ///< with its article: "must be NAME"
  /// Nothing: it was wrong, and the reading knows why.
  std::function<std::optional<T>(const Value&, Reading&)> read;
  std::function<std::string(const T&)> write;  ///< as TOML
  bool is_table = false;
  bool is_repeated = false;
  std::vector<SettingFacts> settings{};  ///< of a table
};

/// "must be KIND, not WHAT IT IS".
void wrong_type(const Value& value, std::string_view kind, Reading& reading);

/// Why no setting may be this text, whatever it is for; nothing: it may.
[[nodiscard]] std::optional<std::string> fault_of_text(std::string_view text);

/// A kind that is written as a text. `parse` gives the value, or in words what is wrong with the text.
template <class T>
Kind<T> written_as_text(std::string name, std::function<std::expected<T, std::string>(std::string_view)> parse,
                        std::function<std::string(const T&)> write) {
  const auto read = [name, parse = std::move(parse)](const Value& value, Reading& reading) -> std::optional<T> {
    const auto* text = std::get_if<std::string>(&value.content);
    if (text == nullptr) {
      wrong_type(value, name, reading);
      return std::nullopt;
    }
    if (auto fault = fault_of_text(*text)) {
      reading.fault(value.place, std::move(*fault));
      return std::nullopt;
    }
    auto parsed = parse(*text);
    if (parsed) return std::move(*parsed);
    reading.fault(value.place, std::move(parsed.error()));
    return std::nullopt;
  };
  const auto quote = [write = std::move(write)](const T& value) { return "\"" + write(value) + "\""; };
  return {std::move(name), read, quote};
}

/// "" for nothing, otherwise the kind.
template <class T>
Kind<std::optional<T>> or_empty(Kind<T> kind) {
  const auto read = [inner = kind.read](const Value& value, Reading& reading) -> std::optional<std::optional<T>> {
    const auto* text = std::get_if<std::string>(&value.content);
    if (text != nullptr && text->empty()) return std::optional<T>{};
    auto result = inner(value, reading);
    if (!result) return std::nullopt;
    return result;
  };
  const auto write = [inner = kind.write](const std::optional<T>& value) { return value ? inner(*value) : "\"\""; };
  return {kind.name + ", or \"\"", read, write};
}

template <class T>
Kind<std::vector<T>> list_of(Kind<T> kind, std::size_t least = 0) {
  const auto name =
      kind.is_table ? std::string("a list of tables, each under [[…]]") : "a list, each element " + kind.name;
  const auto read = [inner = kind.read, name, least](const Value& value,
                                                     Reading& reading) -> std::optional<std::vector<T>> {
    const auto* array = std::get_if<Array>(&value.content);
    if (array == nullptr) {
      wrong_type(value, name, reading);
      return std::nullopt;
    }
    if (array->size() < least) reading.fault(value.place, "must not be empty");
    const auto faults_before = reading.fault_count();
    std::vector<T> list;
    for (const auto& element : *array) {
      if (auto one = inner(element, reading)) list.push_back(std::move(*one));
    }
    if (array->size() < least || reading.fault_count() != faults_before) return std::nullopt;
    return list;
  };
  const auto write = [inner = kind.write](const std::vector<T>& list) {
    std::string text;
    for (const auto& element : list) text += (text.empty() ? "" : ", ") + inner(element);
    return "[" + text + "]";
  };
  return {name, read, write, kind.is_table, kind.is_table, std::move(kind.settings)};
}

template <class Enum>
struct Choice {
  std::string_view word;
  Enum value;
};

/// The words that the words of an enumeration may be, for people: "mx", "relay" or "submission".
[[nodiscard]] std::string one_of_words(std::span<const std::string_view> words);
/// "must be …; did you mean …"
[[nodiscard]] std::string wrong_word(std::string_view word, std::span<const std::string_view> words);

template <class Enum>
Kind<Enum> one_of(std::initializer_list<Choice<Enum>> list) {
  const std::vector<Choice<Enum>> choices(list);
  std::vector<std::string_view> words;
  for (const auto& choice : choices) words.push_back(choice.word);
  const auto parse = [choices, words](std::string_view text) -> std::expected<Enum, std::string> {
    for (const auto& choice : choices) {
      if (choice.word == text) return choice.value;
    }
    return std::unexpected(wrong_word(text, words));
  };
  const auto write = [choices](Enum value) {
    for (const auto& choice : choices) {
      if (choice.value == value) return std::string(choice.word);
    }
    return std::string();
  };
  return written_as_text<Enum>(one_of_words(words), parse, write);
}

/// A key of a table, bound to a member of the struct that the table becomes.
template <class Struct>
struct Binding {
  std::string_view name;
  std::function<void(const Value&, Struct&, Reading&)> read;
  std::function<SettingFacts(const Struct&)> facts;

  /// Says in words what holds when the key is not there, with an example of what it may be set to.
  [[nodiscard]] Binding by_default(std::string_view words, std::string_view example) && {
    facts = [inner = std::move(facts), words, example](const Struct& defaults) {
      auto known = inner(defaults);
      known.default_words = words;
      known.example = example;
      return known;
    };
    return std::move(*this);
  }
};

template <class Struct, class Member>
Binding<Struct> key(std::string_view name, Member Struct::* member, Kind<std::type_identity_t<Member>> kind,
                    std::string_view explanation, std::string_view since = first_version) {
  const auto facts = [=](const Struct& defaults) {
    return SettingFacts{.name = std::string(name),
                        .kind = kind.name,
                        .default_value = kind.is_table ? std::string{} : kind.write(defaults.*member),
                        .default_words = {},
                        .example = {},
                        .explanation = std::string(explanation),
                        .since = std::string(since),
                        .is_table = kind.is_table,
                        .is_repeated = kind.is_repeated,
                        .below = kind.settings};
  };
  const auto read = [member, inner = kind.read](const Value& value, Struct& into, Reading& reading) {
    if (auto result = inner(value, reading)) into.*member = std::move(*result);
  };
  return {name, read, facts};
}

/// Looks at a whole table after its keys were read without fault.
template <class Struct>
using Check = std::function<void(const Struct&, const Value&, Reading&)>;

/// A kind of table that becomes a Struct; keys that are not there keep the Struct's defaults.
template <class Struct>
Kind<Struct> table(std::vector<Binding<Struct>> keys, Check<Struct> check = nullptr) {
  std::vector<SettingFacts> settings;
  std::vector<std::string_view> names;
  for (const auto& known : keys) {
    settings.push_back(known.facts(Struct{}));
    names.push_back(known.name);
  }
  const auto read = [keys = std::move(keys), names, check = std::move(check)](
                        const Value& value, Reading& reading) -> std::optional<Struct> {
    const auto* entries = std::get_if<Table>(&value.content);
    if (entries == nullptr) {
      wrong_type(value, "a table", reading);
      return std::nullopt;
    }
    const auto faults_before = reading.fault_count();
    Struct result;
    for (const auto& entry : *entries) {
      const auto known = std::ranges::find(keys, entry.key, &Binding<Struct>::name);
      if (known == keys.end()) {
        reading.unknown_key(entry, names);
        continue;
      }
      const Reading::Within within(reading, entry.key);
      known->read(entry.value, result, reading);
    }
    if (check && reading.fault_count() == faults_before) check(result, value, reading);
    if (reading.fault_count() != faults_before) return std::nullopt;
    return result;
  };
  return {"a table", read, nullptr, true, false, std::move(settings)};
}

}  // namespace posthorn::config
