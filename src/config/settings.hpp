// Every setting there is: its key, what it may be, what it means. The one place where this stands.
#pragma once

#include "config/configuration.hpp"
#include "config/kind.hpp"

#include <string>
#include <vector>

namespace posthorn::config {

/// The whole configuration file as one kind of table.
[[nodiscard]] Kind<Configuration> configuration_kind();

/// The full path of every setting that is in a table: "limits.recipients".
[[nodiscard]] std::vector<std::string> paths_of(const std::vector<SettingFacts>& settings);

// Its tables. settings_listening.cpp:
[[nodiscard]] Kind<Listener> listener_kind();
[[nodiscard]] Kind<Tls> tls_kind();
[[nodiscard]] Kind<Smtp> smtp_kind();
[[nodiscard]] Kind<Submission> submission_kind();
[[nodiscard]] Kind<Sendmail> sendmail_kind();
[[nodiscard]] Kind<Auth> auth_kind();
[[nodiscard]] Kind<Limits> limits_kind();
// settings_mail.cpp:
[[nodiscard]] Kind<Mailbox> mailbox_kind();
[[nodiscard]] Kind<Spool> spool_kind();
[[nodiscard]] Kind<Queue> queue_kind();
[[nodiscard]] Kind<Remote> remote_kind();
[[nodiscard]] Kind<Route> route_kind();
[[nodiscard]] Kind<Dns> dns_kind();
// settings_running.cpp:
[[nodiscard]] Kind<Process> process_kind();
[[nodiscard]] Kind<world::LogLevel> log_level();
[[nodiscard]] Kind<Log> log_kind();
[[nodiscard]] Kind<Admin> admin_kind();

}  // namespace posthorn::config
