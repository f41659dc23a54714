#include "base/assert.hpp"
#include "smtp/command.hpp"
#include "smtp/standard_replies.hpp"

namespace posthorn::smtp {

Reply reply_to(CommandFault fault) {
  using enum CommandFault;
  switch (fault) {
    case unknown:
      return replies::unknown_command();
    case not_implemented:
      return replies::not_implemented();
    case not_smtp:
      return replies::not_smtp();
    case missing_argument:
      return replies::missing_argument();
    case unexpected_argument:
      return replies::unexpected_argument();
    case bad_argument:
      return replies::bad_argument();
    case bad_character:
      return replies::bad_character();
    case bad_sender:
      return replies::bad_sender();
    case bad_recipient:
      return replies::bad_recipient();
    case needs_smtputf8:
      return replies::smtputf8_needed();
    case unknown_parameter:
      return replies::unknown_parameter();
    case bad_parameter:
      return replies::bad_parameter();
    case message_too_large:
      return replies::message_too_large();
    case bad_chunk_size:
      return replies::bad_chunk_size();
    case too_long:
      return replies::line_too_long();
  }
  bug("a command fault has a reply");
}

}  // namespace posthorn::smtp
