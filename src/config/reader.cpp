#include "config/reader.hpp"

#include "config/document.hpp"
#include "config/settings.hpp"

namespace posthorn::config {

std::expected<Configuration, Faults> read_configuration(std::string_view text) {
  const auto document = parse_document(text);
  if (!document) return std::unexpected(Faults{document.error()});
  const auto kind = configuration_kind();
  Reading reading(paths_of(kind.settings));
  auto configuration = kind.read(*document, reading);
  if (configuration) return std::move(*configuration);
  return std::unexpected(reading.take_faults());
}

}  // namespace posthorn::config
