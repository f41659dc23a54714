// Which listener of a configuration a bound socket belongs to. Sockets are bound once, in the order of the configuration at the
// start, and everything that serves them counts in that order; a file that is read again may have its blocks in another. What
// a listener is known by is where it listens: its addresses, or its interface and port.
#pragma once

#include "config/configuration.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

/// For each bound listener its place in the file.
using ListenerOrder = std::vector<std::uint32_t>;

/// "mx 192.0.2.1:25 [2001:db8::1]:25", "relay eth0:25"
[[nodiscard]] std::string name_of(const config::Listener& listener);

/// Why sockets and listeners do not go together.
struct ListenerMismatch {
  std::optional<std::size_t> place;  ///< of the listener in the file, if it stands there
  std::string text;                  ///< one line that names it
};

/// `now`: in the order of its file. Errors: every listener that has no socket, and every socket that has no listener.
[[nodiscard]] std::expected<ListenerOrder, std::vector<ListenerMismatch>> find_listener_order(
    const std::vector<config::Listener>& bound, const std::vector<config::Listener>& now);

/// Each listener listens where the one of the same place does.
[[nodiscard]] bool belong_together(const std::vector<config::Listener>& bound,
                                   const std::vector<config::Listener>& now);

/// Puts the listeners into that order. False, and nothing has changed: it is none of so many listeners.
[[nodiscard]] bool arrange_listeners(std::vector<config::Listener>& listeners, const ListenerOrder& order);

}  // namespace posthorn::cli
