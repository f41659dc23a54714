// IpAddress, Endpoint and IpNetwork: any text; what is read prints to a text that reads as the same value.
#include "base/assert.hpp"
#include "base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using posthorn::Endpoint;
using posthorn::ensure;
using posthorn::IpAddress;
using posthorn::IpNetwork;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  if (const auto address = IpAddress::parse(text)) {
    ensure(IpAddress::parse(address->to_string()) == address, "an address survives printing");
  }
  if (const auto endpoint = Endpoint::parse(text)) {
    ensure(Endpoint::parse(endpoint->to_string()) == endpoint, "an endpoint survives printing");
  }
  if (const auto network = IpNetwork::parse(text)) {
    ensure(network->contains(network->address), "a network holds its own address");
  }
  return 0;
}
