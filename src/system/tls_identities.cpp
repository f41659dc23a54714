#include "system/tls_identities.hpp"

#include "system/tls_material.hpp"
#include "system/tls_server_contexts.hpp"

#include <utility>

namespace posthorn::system {

Result<std::shared_ptr<TlsIdentityStore>> TlsIdentityStore::load(Settings settings, MonotonicTime now) {
  if (!settings.source) settings.source = std::make_shared<TlsFileSource>(settings.identities);
  auto contexts = TlsServerContexts::load(settings);
  if (!contexts) return failure(std::move(contexts.error()));
  return std::make_shared<TlsIdentityStore>(std::move(settings), std::move(*contexts), now);
}

TlsIdentityStore::TlsIdentityStore(Settings settings, std::shared_ptr<const TlsServerContexts> contexts,
                                   MonotonicTime now)
    : settings_(std::move(settings)), contexts_(std::move(contexts)), ticket_keys_made_(now) {}

TlsIdentityStore::~TlsIdentityStore() = default;

Result<bool> TlsIdentityStore::refresh(MonotonicTime now) {
  const auto before = current();
  const bool keys_are_old = now >= after(ticket_keys_made_, settings_.ticket_key_life);
  if (!keys_are_old && !settings_.source->has_changed()) return false;
  auto contexts = TlsServerContexts::load(settings_);
  if (!contexts) return failure(std::move(contexts.error()));
  if (!keys_are_old) (*contexts)->take_ticket_keys_of(*before);
  const std::lock_guard lock{mutex_};
  contexts_ = std::move(*contexts);
  if (keys_are_old) ticket_keys_made_ = now;
  return true;
}

std::int64_t TlsIdentityStore::first_expiry() const { return current()->first_expiry(); }

std::shared_ptr<const TlsServerContexts> TlsIdentityStore::current() const {
  const std::lock_guard lock{mutex_};
  return contexts_;
}

}  // namespace posthorn::system
