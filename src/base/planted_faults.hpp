// The names of the planted faults, and which one is active. A build without them has an empty list.
#pragma once

#include "base/planted_fault.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace posthorn {

#ifdef POSTHORN_PLANTED_FAULTS
inline namespace with_planted_faults {
#else
inline namespace without_planted_faults {
#endif

/// All names, in order.
[[nodiscard]] std::vector<std::string_view> planted_fault_names();
/// Makes this one active, and no other. False: there is none of that name in this build.
bool plant_fault(std::string_view name);

}  // namespace
}  // namespace posthorn
