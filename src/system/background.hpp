// A process that goes on when its terminal and its parent are gone: a session of its own, no terminal, its log in place of
// standard error. The parent waits until the child says that it has taken over, and hears what it says.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace posthorn::system {

/// What the child has to call once: the parent goes on with these words. No words: it did not come about.
using TakeOver = std::function<void(std::string_view)>;

/// Runs `work` in a process of its own and returns what it said when it took over. Call while there are no threads. `name` is
/// what ps(1) shows. Errors: of fork(2); `ended`: the child ended, or did not speak within the limit, so that nothing may
/// count on it.
[[nodiscard]] Result<std::string> run_in_background(const std::string& name, Duration limit,
                                                    const std::function<int(const TakeOver&)>& work);

}  // namespace posthorn::system
