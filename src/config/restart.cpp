#include "config/restart.hpp"

#include <algorithm>
#include <array>

namespace posthorn::config {
namespace {

struct FixedSetting {
  std::string_view path;
  bool (*is_same)(const Configuration& before, const Configuration& now);
};

/// Listeners are told apart by these: whoever has the sockets compares them.
bool is_compared_elsewhere(const Configuration& /*before*/, const Configuration& /*now*/) { return true; }

template <auto Table, auto Member>
bool is_same(const Configuration& before, const Configuration& now) {
  return before.*Table.*Member == now.*Table.*Member;
}

constexpr std::array fixed_settings{
    FixedSetting{"state", [](const auto& before, const auto& now) { return before.state == now.state; }},
    FixedSetting{"listener.address", is_compared_elsewhere},
    FixedSetting{"listener.interface", is_compared_elsewhere},
    FixedSetting{"listener.port", is_compared_elsewhere},
    FixedSetting{"tls.minimum", is_same<&Configuration::tls, &Tls::minimum>},
    FixedSetting{"mailbox.root", is_same<&Configuration::mailbox, &Mailbox::root>},
    FixedSetting{"mailbox.format", is_same<&Configuration::mailbox, &Mailbox::format>},
    FixedSetting{"mailbox.separator", is_same<&Configuration::mailbox, &Mailbox::separator>},
    FixedSetting{"mailbox.tag_folders", is_same<&Configuration::mailbox, &Mailbox::tag_folders>},
    FixedSetting{"mailbox.forward_file", is_same<&Configuration::mailbox, &Mailbox::forward_file>},
    FixedSetting{"mailbox.system_users", is_same<&Configuration::mailbox, &Mailbox::system_users>},
    FixedSetting{"mailbox.quota", is_same<&Configuration::mailbox, &Mailbox::quota>},
    FixedSetting{"spool.segment_size", is_same<&Configuration::spool, &Spool::segment_size>},
    FixedSetting{"spool.reserve", is_same<&Configuration::spool, &Spool::reserve>},
    FixedSetting{"dns.servers", is_same<&Configuration::dns, &Dns::servers>},
    FixedSetting{"dns.trust_anchor", is_same<&Configuration::dns, &Dns::trust_anchor>},
    FixedSetting{"process.user", is_same<&Configuration::process, &Process::user>},
    FixedSetting{"process.group", is_same<&Configuration::process, &Process::group>},
    FixedSetting{"process.sandbox", is_same<&Configuration::process, &Process::sandbox>},
    FixedSetting{"limits.threads", is_same<&Configuration::limits, &Limits::threads>},
    FixedSetting{"sendmail.folder", is_same<&Configuration::sendmail, &Sendmail::folder>},
    FixedSetting{"auth.sources", is_same<&Configuration::auth, &Auth::sources>},
    FixedSetting{"admin.socket", is_same<&Configuration::admin, &Admin::socket>},
    FixedSetting{"admin.http", is_same<&Configuration::admin, &Admin::http>},
};

}  // namespace

bool needs_restart(std::string_view path) {
  return std::ranges::find(fixed_settings, path, &FixedSetting::path) != fixed_settings.end();
}

std::vector<std::string_view> changed_until_restart(const Configuration& before, const Configuration& now) {
  std::vector<std::string_view> paths;
  for (const auto& setting : fixed_settings) {
    if (!setting.is_same(before, now)) paths.push_back(setting.path);
  }
  return paths;
}

}  // namespace posthorn::config
