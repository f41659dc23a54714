// `posthorn send` as the user sees it: one attempt with its dialogue on the screen; what was refused for the moment goes to a
// background process, or is waited for with --foreground.
#pragma once

#include "cli/console.hpp"
#include "cli/send_options.hpp"
#include "cli/send_work.hpp"
#include "service/file_letter.hpp"
#include "service/send_entry.hpp"

#include <optional>
#include <utility>

namespace posthorn::cli {

class SendForeground {
 public:
  SendForeground(const SendOptions& options, Console& console) : options_(options), console_(console) {}

  [[nodiscard]] ExitStatus run();

 private:
  [[nodiscard]] Judged<> prepare();
  [[nodiscard]] ExitStatus send();
  [[nodiscard]] SendTry attempt();
  [[nodiscard]] ExitStatus go_on(const SendTry& first);
  [[nodiscard]] ExitStatus wait_here(SendTry last);
  [[nodiscard]] ExitStatus go_to_background();
  [[nodiscard]] ExitStatus refuse(const Refusal& refusal);
  void tell(const SendTry& done);

  const SendOptions& options_;
  Console& console_;
  service::SendEntry entry_;
  std::optional<service::FileLetter> letter_;
  std::optional<service::Credentials> login_;
};

}  // namespace posthorn::cli
