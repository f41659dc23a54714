// A request to the control interface of the server on this machine, by its UNIX socket, from a command.
#pragma once

#include "base/result.hpp"
#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace posthorn::cli {

struct ControlRequest {
  std::string method;
  std::string target;  ///< path and query, encoded
  std::string body{};  ///< JSON
};

/// Sends it and hands the body of the answer to `take` as it comes. The answer's status; errors: those of the connection, `ended`
/// when the answer broke off.
[[nodiscard]] Result<unsigned> call_control(const std::string& socket, const ControlRequest& request,
                                            const std::function<void(std::string_view)>& take);

/// Says why there was no answer, and what to do; the status to end with.
[[nodiscard]] ExitStatus tell_no_answer(const Error& error, const std::string& socket, Console& console);
/// The same for an answer that is a refusal.
[[nodiscard]] ExitStatus tell_refusal(unsigned status, std::string_view body, Console& console);

/// `text` for a query: "a%40b".
[[nodiscard]] std::string query_text(std::string_view text);

}  // namespace posthorn::cli
