// posthorn sendmail, and the program under the name sendmail: how other software hands in mail.
#pragma once

#include "cli/command.hpp"

namespace posthorn::cli {

ExitStatus run_sendmail(const Invocation& invocation, Console& console);

}  // namespace posthorn::cli
