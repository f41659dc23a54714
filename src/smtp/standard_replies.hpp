// The replies of our server, all in one place, by code. The codes are a contract with users and scripts; the words are
// not. What depends on the moment (host name, message id) is put in by the functions that take arguments.
// RFC 5321 §4.2.2 and §4.2.3 list the codes, RFC 3463 and RFC 5248 the enhanced status.
#pragma once

#include "base/message_id.hpp"
#include "mail/message_scanner.hpp"
#include "smtp/reply.hpp"

#include <string_view>

namespace posthorn::smtp::replies {

// ---- 2yz: done ----
[[nodiscard]] inline Reply help() {
  return {214,
          {2, 0, 0},
          "Commands: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT EXIT STARTTLS AUTH\n"
          "HELP and one of them tells how it is used"};
}
[[nodiscard]] Reply greeting(std::string_view hostname);
[[nodiscard]] inline Reply ready_for_tls() { return {220, {2, 0, 0}, "Ready to start TLS"}; }
[[nodiscard]] inline Reply goodbye() { return {221, {2, 0, 0}, "Goodbye"}; }
[[nodiscard]] inline Reply authenticated() { return {235, {2, 7, 0}, "Authentication succeeded"}; }
[[nodiscard]] inline Reply ok() { return {250, {2, 0, 0}, "OK"}; }
[[nodiscard]] inline Reply sender_ok() { return {250, {2, 1, 0}, "Sender OK"}; }
[[nodiscard]] inline Reply recipient_ok() { return {250, {2, 1, 5}, "Recipient OK"}; }
[[nodiscard]] inline Reply chunk_taken() { return {250, {2, 0, 0}, "Chunk taken"}; }
/// After the end of a message that is durable.
[[nodiscard]] Reply message_accepted(MessageId id);
/// RFC 5321 §3.5.3: said of every address alike, so that nobody learns who is here.
[[nodiscard]] inline Reply not_verified() {
  return {252, {2, 0, 0}, "Not verified here; send a message and it will be tried"};
}

// ---- 3yz: go on (RFC 2034 §4: no enhanced status) ----
[[nodiscard]] Reply challenge(std::string_view octets);
[[nodiscard]] inline Reply start_data() { return {354, "Go ahead; end with a dot on a line by itself"}; }

// ---- 421: the end of the session; not held against the message ----
[[nodiscard]] inline Reply shutting_down() { return {421, {4, 3, 2}, "The server is shutting down; try again soon"}; }
[[nodiscard]] inline Reply timed_out() { return {421, {4, 4, 2}, "Nothing came for too long; goodbye"}; }
[[nodiscard]] inline Reply too_slow() { return {421, {4, 4, 2}, "The data comes too slowly; goodbye"}; }
[[nodiscard]] inline Reply too_many_connections() { return {421, {4, 7, 0}, "Too many connections; try again later"}; }
[[nodiscard]] inline Reply too_many_errors() { return {421, {4, 7, 0}, "Too many refused commands; goodbye"}; }
[[nodiscard]] inline Reply too_many_junk_commands() {
  return {421, {4, 7, 0}, "Too many commands that bring no mail; goodbye"};
}
[[nodiscard]] inline Reply too_many_authentication_failures() {
  return {421, {4, 7, 0}, "Too many failed authentications; goodbye"};
}
[[nodiscard]] inline Reply authentication_locked() {
  return {421, {4, 7, 0}, "Too many wrong passwords for that user from your address; try again in some minutes"};
}
[[nodiscard]] inline Reply too_many_transactions() {
  return {421, {4, 5, 3}, "Enough messages for one session; open another"};
}

// ---- 4yz: not now ----
[[nodiscard]] inline Reply internal_trouble() { return {451, {4, 3, 0}, "Trouble on our side; try again later"}; }
[[nodiscard]] inline Reply out_of_space() { return {452, {4, 3, 1}, "Not enough room; try again later"}; }
[[nodiscard]] inline Reply too_many_recipients() {
  return {452, {4, 5, 3}, "Too many recipients; send to the others in another transaction"};
}
[[nodiscard]] inline Reply authentication_trouble() {
  return {454, {4, 7, 0}, "Trouble with authentication on our side; try again later"};
}

// ---- 50z: the command itself ----
[[nodiscard]] inline Reply unknown_command() { return {500, {5, 5, 2}, "Command not recognized"}; }
[[nodiscard]] inline Reply line_too_long() { return {500, {5, 5, 2}, "Line too long"}; }
[[nodiscard]] inline Reply not_smtp() {
  return {500, {5, 5, 1}, "This is a mail server, and that was not SMTP; goodbye"};
}
[[nodiscard]] inline Reply bad_line_end() {
  return {500, {5, 5, 2}, "A line ends with CR LF, and holds neither of them nor NUL; goodbye"};
}
[[nodiscard]] inline Reply missing_argument() { return {501, {5, 5, 4}, "The command needs an argument"}; }
[[nodiscard]] inline Reply unexpected_argument() { return {501, {5, 5, 4}, "The command takes no argument"}; }
[[nodiscard]] inline Reply bad_argument() { return {501, {5, 5, 4}, "Syntax error in the argument"}; }
[[nodiscard]] inline Reply bad_parameter() { return {501, {5, 5, 4}, "Syntax error in a parameter"}; }
[[nodiscard]] inline Reply bad_chunk_size() { return {501, {5, 5, 4}, "BDAT needs a number of octets; goodbye"}; }
[[nodiscard]] inline Reply bad_character() {
  return {501, {5, 5, 2}, "The command holds a character that may not be there"};
}
[[nodiscard]] inline Reply bad_sender() { return {501, {5, 1, 7}, "Syntax error in the sender's address"}; }
[[nodiscard]] inline Reply bad_recipient() { return {501, {5, 1, 3}, "Syntax error in the recipient's address"}; }
[[nodiscard]] inline Reply bad_base64() { return {501, {5, 5, 2}, "That is not base64"}; }
[[nodiscard]] inline Reply authentication_cancelled() { return {501, {5, 7, 0}, "Authentication cancelled"}; }
[[nodiscard]] inline Reply not_implemented() { return {502, {5, 5, 1}, "Command not implemented"}; }
[[nodiscard]] inline Reply hello_first() { return {503, {5, 5, 1}, "Say EHLO or HELO first"}; }
[[nodiscard]] inline Reply mail_first() { return {503, {5, 5, 1}, "Say MAIL first"}; }
[[nodiscard]] inline Reply recipient_first() { return {503, {5, 5, 1}, "No recipient was taken yet"}; }
[[nodiscard]] inline Reply transaction_open() { return {503, {5, 5, 1}, "Not within a mail transaction"}; }
[[nodiscard]] inline Reply chunks_only() {
  return {503, {5, 5, 1}, "Only BDAT or RSET can follow BDAT, or carry BINARYMIME"};
}
[[nodiscard]] inline Reply tls_already() { return {503, {5, 5, 1}, "TLS is on already"}; }
[[nodiscard]] inline Reply authenticated_already() { return {503, {5, 5, 1}, "You have authenticated already"}; }
[[nodiscard]] inline Reply session_refused_already() { return {503, {5, 5, 1}, "This session was refused; say QUIT"}; }
[[nodiscard]] inline Reply unknown_help_topic() { return {504, {5, 5, 4}, "No help about that"}; }
[[nodiscard]] inline Reply unknown_mechanism() { return {504, {5, 5, 4}, "Authentication mechanism not offered"}; }

// ---- 53z: authentication ----
[[nodiscard]] inline Reply tls_needed() { return {530, {5, 7, 0}, "Say STARTTLS first"}; }
[[nodiscard]] inline Reply authentication_needed() { return {530, {5, 7, 0}, "Authentication required"}; }
/// The same for an unknown user and a wrong password.
[[nodiscard]] inline Reply authentication_failed() { return {535, {5, 7, 8}, "Authentication failed"}; }
[[nodiscard]] inline Reply mechanism_needs_tls() {
  return {538, {5, 7, 11}, "That authentication mechanism needs encryption; say STARTTLS first"};
}

// ---- 55z: never ----
[[nodiscard]] inline Reply unknown_user() { return {550, {5, 1, 1}, "No such user here"}; }
[[nodiscard]] inline Reply relay_denied() { return {550, {5, 7, 1}, "We do not relay mail for that domain"}; }
[[nodiscard]] inline Reply message_line_ends() {
  return {550, {5, 6, 0}, "The message holds a bare CR, a bare LF or a NUL; it was refused whole; goodbye"};
}
[[nodiscard]] inline Reply message_too_large() { return {552, {5, 3, 4}, "The message is larger than we take"}; }
[[nodiscard]] inline Reply smtputf8_needed() { return {553, {5, 6, 7}, "A non-ASCII address needs SMTPUTF8"}; }
[[nodiscard]] inline Reply sender_not_yours() { return {553, {5, 7, 1}, "That sender address is not yours"}; }
[[nodiscard]] inline Reply session_refused() { return {554, {5, 7, 1}, "No service for you here"}; }
[[nodiscard]] inline Reply plain_text_before_tls() {
  return {554, {5, 5, 1}, "Commands came before the TLS handshake; goodbye"};
}
[[nodiscard]] inline Reply unknown_parameter() {
  return {555, {5, 5, 4}, "A parameter is not known or not offered here"};
}

/// At the end of a message that cannot be taken as it is.
[[nodiscard]] Reply unfit_message(mail::MessageFault fault);
/// RFC 5321 §4.1.1.8: how a command is used; none if it is not one of ours.
[[nodiscard]] std::optional<Reply> help_about(std::string_view topic);

}  // namespace posthorn::smtp::replies
