#include "system/packet_log.hpp"

#include "system/log_wire.hpp"
#include "system/system_error.hpp"

#include <sys/socket.h>

namespace posthorn::system {

void PacketLog::write(world::LogRecord record) { send(encode(clock_.wall(), record)); }

void PacketLog::reopen() { send(encode(ReopenLog{})); }

void PacketLog::send(const std::string& packet) {
  if (!socket_.is_open()) return;
  uninterrupted([&] { return ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
}

}  // namespace posthorn::system
