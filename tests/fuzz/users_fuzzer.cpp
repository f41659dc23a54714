// The users file on any text: each name is safe as a folder and read once; adding and removing a user gives a file that
// differs by that user alone.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/user_name.hpp"
#include "store/users.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

using namespace posthorn;

namespace {

std::set<std::string> names_of(const store::UserList& list) {
  std::set<std::string> names;
  for (const auto& user : list.users) names.insert(user.name.text());
  return names;
}

void check_name(const std::string& name) {
  ensure(!name.empty() && name.size() <= 254 && !name.starts_with('.'), "a name fits a folder");
  ensure(!name.contains('/') && !name.contains('\0') && !name.contains('\n') && utf8::is_valid(name),
         "a name is clean");
  ensure(mail::UserName::parse(name)->text() == name, "a name is its own canonical form");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto list = store::parse_users(text, "users");
  const auto names = names_of(list);
  ensure(names.size() == list.users.size(), "each name once");
  for (const auto& name : names) check_name(name);
  for (const auto& fault : list.faults)
    ensure(utf8::is_valid(fault.text) && !fault.text.contains('\n'), "one clean line");

  const auto added = mail::UserName::parse("zoe").value();
  if (const auto longer = store::with_user(text, added, Secret("{A}x"))) {
    auto expected = names;
    expected.insert("zoe");
    ensure(names_of(store::parse_users(*longer, "users")) == expected, "one more");
  }
  if (const auto shorter = store::without_user(text, added)) {
    auto expected = names;
    expected.erase("zoe");
    ensure(names_of(store::parse_users(*shorter, "users")) == expected, "one less");
  }
  if (const auto other = store::with_hash(text, added, Secret("{B}y"))) {
    ensure(names_of(store::parse_users(*other, "users")) == names, "the same users");
  }
  return 0;
}
