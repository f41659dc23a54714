#include "cli/send_command.hpp"

#include "cli/options.hpp"
#include "cli/send_foreground.hpp"
#include "cli/send_list.hpp"
#include "cli/send_options.hpp"

#include <csignal>

namespace posthorn::cli {
namespace {

constexpr const char* purpose =
    "Sends one file as a mail to one server, and shows the conversation as it runs: each state in brackets, what is "
    "said "
    "after >>>, what the server answers after <<<.\n\n"
    "A server that refuses for the moment (a 4yz reply, such as greylisting) does not fail the command: it ends with 0 "
    "at once, and "
    "a process in the background tries again until the server takes the mail, refuses it for good, or --expire is "
    "over. It "
    "goes on after a logout; after a reboot \"posthorn send --resume\" does (as @reboot in a crontab, say).\n\n"
    "The file becomes the text of the mail; one that is no text becomes an attachment. Date, Message-ID, charset and "
    "encoding are seen to.";

constexpr const char* ending =
    "Exit status: 0 sent, or on its way in the background; 64 wrong usage; 65 an address is none; 66 a file cannot be "
    "read; "
    "68 the server's name is not known; 69 refused for good, or no TLS where it is required; 75 not now: the "
    "connection was "
    "lost, could not be made, or the mail could not be kept; 76 the server broke the protocol; 77 the login was "
    "refused.\n\n"
    "Files: $XDG_STATE_HOME/posthorn/send/ (else ~/.local/state/posthorn/send/) holds what waits in the background, "
    "ID.log "
    "what happened to it. No password is kept there, only the path of its file.\n\n"
    "Examples:\n"
    "  posthorn send alice@example.org \"Hello\" letter.txt mx.example.com bob@example.com\n"
    "  date | posthorn send alice@example.org \"The time\" - localhost bob@localhost 2525\n"
    "  posthorn send --tls implicit --user alice --password-file ~/.pw alice@example.org Photos text.txt "
    "mail.example.org bob@example.com --attach photo.jpg";

void declare_what(CLI::App& app, SendOptions& into) {
  app.add_option("FROM", into.from, "the sender's address, or \"Name <address>\"; <> for none");
  app.add_option("SUBJECT", into.subject, "the subject");
  app.add_option("FILE", into.file, "the file to send; - is standard input");
  app.add_option("SERVER", into.server, "the server: a name or an address");
  app.add_option("TO", into.to, "the recipient's address");
  app.add_option("PORT", into.port, "the port; default 25, with --tls implicit 465");
  app.add_option("--to", into.more_recipients, "one more recipient; may be repeated")->allow_extra_args(false);
  app.add_option("--attach", into.attachments, "a file to attach; may be repeated")->allow_extra_args(false);
  app.add_flag("--body-as-is", into.body_as_is,
               "FILE is a complete message with its header: only line ends are set right");
  app.add_flag("--via-queue", into.via_queue,
               "hand the mail to the queue of the server on this machine, which finds the way: SERVER may be -");
}

void declare_how(CLI::App& app, SendOptions& into) {
  declare(app, static_cast<ConnectionOptions&>(into));
  app.add_option("--user", into.user, "log in as this user");
  app.add_option("--password-file", into.password_file, "file whose first line is the password");
  app.add_option("--timeout", into.timeout, "limit of each wait; default: those of RFC 5321, some minutes");
  app.add_flag("-q,--quiet", into.quiet, "no dialogue; errors only");
}

void declare_later(CLI::App& app, SendOptions& into) {
  app.add_option("--retry-after", into.retry_after,
                 "wait before another attempt; default: the time that the server names, else 20m");
  app.add_option("--expire", into.expire, "how long to go on trying")->capture_default_str();
  app.add_flag("--foreground", into.foreground, "wait for the outcome instead of going to the background");
  app.add_flag("--list", into.list, "show what waits in the background, and end");
  app.add_flag("--json", into.json, "with --list: as JSON");
  app.add_option("--cancel", into.cancel, "end the background process of this entry and forget its mail");
  app.add_flag("--resume", into.resume, "start a background process for each entry that has none");
  app.add_option("-c,--config", into.configuration,
                 "configuration file of the server on this machine (else $POSTHORN_CONFIG, else the usual place)");
}

void declare(CLI::App& app, SendOptions& into) {
  declare_what(app, into);
  declare_how(app, into);
  declare_later(app, into);
  app.footer(ending);
}

bool is_complete(const CLI::App& app) { return app.get_option("TO")->count() > 0; }

}  // namespace

ExitStatus run_send(const Invocation& invocation, Console& console) {
  SendOptions options;
  Options reader(invocation, purpose);
  declare(reader.app(), options);
  if (const auto status = reader.read(console)) return *status;
  std::signal(SIGPIPE, SIG_IGN);  // who stops looking does not stop the mail
  std::signal(SIGXFSZ, SIG_IGN);
  if (options.list) return list_sends(options, console);
  if (!options.cancel.empty()) return cancel_send(options, console);
  if (options.resume) return resume_sends(options, console);
  if (!is_complete(reader.app())) {
    return reader.refuse(console, "what is to be sent, and where to? FROM SUBJECT FILE SERVER TO [PORT]");
  }
  return SendForeground(options, console).run();
}

}  // namespace posthorn::cli
