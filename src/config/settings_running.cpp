// Settings of the process, its log and its control interface.
#include "config/kinds.hpp"
#include "config/settings.hpp"

namespace posthorn::config {
namespace {

void check_admin(const Admin& admin, const Value& at, Reading& reading) {
  if (admin.http && !admin.http->address.is_loopback()) {
    reading.fault_of_key("http", at, "must be an address of the loopback, such as \"127.0.0.1:8025\"");
  }
}

}  // namespace

Kind<Process> process_kind() {
  return table<Process>({
      key("user", &Process::user, text(),
          "The account to become when started as root; \"\": stay what we are (tests only)."),
      key("group", &Process::group, text(), "The group to become; \"\": the account's own."),
      key("sandbox", &Process::sandbox,
          one_of<Sandbox>({{"required", Sandbox::required}, {"wanted", Sandbox::wanted}, {"off", Sandbox::off}}),
          "What the kernel must offer to lock the server in (seccomp, Landlock). required: all, or no start. wanted: "
          "what there is, and a loud line in the log about the rest."),
  });
}

Kind<world::LogLevel> log_level() {
  return one_of<world::LogLevel>({{"error", world::LogLevel::error},
                                  {"warning", world::LogLevel::warning},
                                  {"info", world::LogLevel::info},
                                  {"debug", world::LogLevel::debug}});
}

Kind<Log> log_kind() {
  return table<Log>({
      key("file", &Log::file, path_or_empty(), "The log file; \"\": standard error. SIGHUP opens it anew."),
      key("level", &Log::level, log_level(), "The least weighty lines that are written."),
      key("format", &Log::format, one_of<LogFormat>({{"text", LogFormat::text}, {"json", LogFormat::json}}),
          "Lines for people or lines of JSON."),
  });
}

Kind<Admin> admin_kind() {
  return table<Admin>(
      {
          key("socket", &Admin::socket, path_or_empty(), "The control socket, HTTP and JSON, for its owner only.")
              .by_default("admin.sock in the state folder", "\"/run/posthorn/admin.sock\""),
          key("http", &Admin::http, or_empty(endpoint()),
              "A loopback address for metrics, health and the dashboard, such as \"127.0.0.1:8025\"; \"\": none."),
          key("token_file", &Admin::token_file, path_or_empty(),
              "A file with the token that allows changes over http; \"\": it only shows."),
      },
      check_admin);
}

}  // namespace posthorn::config
