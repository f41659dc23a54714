// PROXY headers from any octets: the answer does not depend on what follows a header, every cut of a good one asks for more,
// and what is malformed stays so however much comes.
#include "base/assert.hpp"
#include "smtp/proxy_header.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string octets(data, data + size);
  const auto whole = smtp::read_proxy_header(octets);
  if (!whole) {
    const auto more = smtp::read_proxy_header(octets + "x");
    const bool was_malformed = whole.error() == smtp::ProxyFault::malformed;
    ensure(!was_malformed || (!more && more.error() == smtp::ProxyFault::malformed), "malformed stays malformed");
    return 0;
  }
  ensure(whole->octets <= octets.size() && whole->octets <= smtp::most_proxy_octets, "a header is within what came");
  const auto exact = smtp::read_proxy_header(std::string_view(octets).substr(0, whole->octets));
  ensure(exact && exact->octets == whole->octets && exact->client == whole->client, "what follows does not matter");
  for (std::size_t cut = 0; cut < whole->octets && cut < 200; ++cut) {
    const auto part = smtp::read_proxy_header(std::string_view(octets).substr(0, cut));
    ensure(!part && part.error() == smtp::ProxyFault::incomplete, "a part of it asks for more");
  }
  return 0;
}
