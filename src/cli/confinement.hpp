// What each process of the server is locked into, by the configuration it starts with: which files, which ports, which calls
// to the kernel (docs/architecture.md has the table). A reload that would need more is found out beforehand.
#pragma once

#include "base/result.hpp"
#include "config/configuration.hpp"
#include "system/landlock.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

/// Of the engine: the state, the mail root, and what it reads.
[[nodiscard]] system::LandlockRules engine_rules(const config::Configuration& configuration);

/// What a new configuration needs that an engine which started with `before` may not do; empty: nothing. Names folders and
/// ports.
[[nodiscard]] std::vector<std::string> beyond_confinement(const config::Configuration& before,
                                                          const config::Configuration& now);

/// Locks the engine in, before it has threads. `files`: more that it reads, in whose folders their successors will be. What
/// could not be done, in words, for the log; empty: all is in force. Errors: unsupported (something is missing, and the
/// configuration requires all).
[[nodiscard]] Result<std::vector<std::string>> confine_engine(const config::Configuration& configuration,
                                                              const std::vector<std::string>& files);
/// The same for the keys process, which gets the setting as a word: required, wanted, off.
[[nodiscard]] Result<std::vector<std::string>> confine_keys(config::Sandbox sandbox);
/// The same for the process that asks PAM and Dovecot. Where PAM is among them nothing but its account holds it.
[[nodiscard]] Result<std::vector<std::string>> confine_helper(config::Sandbox sandbox, bool asks_pam);
/// The same for the process that writes mail as its users: beneath the mail root only, and no connections.
[[nodiscard]] Result<std::vector<std::string>> confine_deliver(config::Sandbox sandbox, const std::string& mail_root);
/// The same for what it forks for the mail of one user, once it is that user: that one folder.
[[nodiscard]] Result<std::vector<std::string>> confine_delivery(config::Sandbox sandbox, const std::string& mail_root,
                                                                const std::string& user);

/// "required", "wanted", "off", and back; what is none of them is "required".
[[nodiscard]] std::string_view to_text(config::Sandbox sandbox);
[[nodiscard]] config::Sandbox to_sandbox(std::string_view word);

}  // namespace posthorn::cli
