// PasswordHelper: the inside of the process that asks PAM and Dovecot whether a password is right, so that neither their
// libraries nor their modules run where keys are kept or mail is parsed. It is asked by the keys process only.
#pragma once

#include "system/auth_source.hpp"
#include "system/auth_wire.hpp"
#include "system/channel_threads.hpp"
#include "system/keys_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace posthorn::system {

class PasswordHelper {
 public:
  explicit PasswordHelper(const AuthSettings& settings);

  /// Serves the parent, who gives channels to the keys process, until it has gone.
  void serve_parent(const ControlChannel& parent);

 private:
  [[nodiscard]] Result<ChannelThreads::Reply> answer(KeysPacket kind, std::string_view body) const;

  std::vector<std::unique_ptr<PasswordSource>> sources_;  // of each place in the settings; none: it is not here
  ChannelThreads channels_;
};

/// In the keys process: a source that the helper asks.
class HelperSource final : public PasswordSource {
 public:
  HelperSource(std::shared_ptr<KeysClient> helper, std::uint32_t place) : helper_(std::move(helper)), place_(place) {}

  [[nodiscard]] PasswordVerdict check(const PasswordQuestion& question) override;

 private:
  std::shared_ptr<KeysClient> helper_;
  std::uint32_t place_;
};

}  // namespace posthorn::system
