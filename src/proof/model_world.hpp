// What all models of a simulated run share: the world they live in, the plan, the book and the trace.
#pragma once

#include "proof/ledger.hpp"
#include "proof/plan.hpp"
#include "proof/trace.hpp"
#include "sim/loop.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"

namespace posthorn::proof {

struct ModelWorld {
  sim::Loop& loop;
  sim::Network& network;
  sim::Random& random;  ///< the models' own
  const Plan& plan;
  Ledger& ledger;
  Trace& trace;
};

}  // namespace posthorn::proof
