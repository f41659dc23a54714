// The names of the planted faults, and which one is active; a part of posthorn_planted only.
#pragma once

#include "base/planted_fault.hpp"

#include <string_view>
#include <vector>

namespace posthorn {

inline namespace with_planted_faults {

/// All names, in order.
[[nodiscard]] std::vector<std::string_view> planted_fault_names();
/// Makes this one active, and no other; "none": none at all. False: there is none of that name.
bool plant_fault(std::string_view name);

}  // namespace with_planted_faults
}  // namespace posthorn
