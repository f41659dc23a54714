// Short histories of a spool: each of them small enough that the power can be cut at every operation.
#pragma once

#include "support/spool_ledger.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace posthorn::testing {

[[nodiscard]] const std::vector<SpoolHistory>& short_histories();
/// Of these the ones in which segments are used up, so that maintenance recycles and compacts.
[[nodiscard]] const std::vector<SpoolHistory>& long_histories();

/// Judges the spool that a crash left, lets it take and finish messages, and judges it again after one more cut that
/// keeps nothing that was not synced.
[[nodiscard]] ::testing::AssertionResult survives(std::unique_ptr<sim::Disk> disk, SpoolLedger ledger,
                                                  bool goes_on = true);

}  // namespace posthorn::testing
