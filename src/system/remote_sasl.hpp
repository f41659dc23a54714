// RemoteSasl: SASL whose exchanges run in the keys process; only what client and server say to each other passes here.
// A keys process that has died in the middle of an exchange is trouble, never a failure of the user's.
#pragma once

#include "system/keys_client.hpp"
#include "system/sasl_service.hpp"

#include <memory>

namespace posthorn::system {

class RemoteSasl final : public SaslService {
 public:
  /// The client's limit is that of one step.
  explicit RemoteSasl(std::shared_ptr<KeysClient> client) : client_(std::move(client)) {}

  [[nodiscard]] world::AuthOffer offer() override;
  [[nodiscard]] std::unique_ptr<SaslExchange> begin(world::AuthStart start) override;

 private:
  std::shared_ptr<KeysClient> client_;
};

}  // namespace posthorn::system
