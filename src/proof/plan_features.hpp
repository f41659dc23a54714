// What a plan has beside its core (plan.cpp): orders of an operator, users who log in, rot, a spool that is away, lies of the
// resolver, lives of months. Drawn from a stream of its own, so that what a seed drew before stays as it was.
#pragma once

#include "proof/plan.hpp"

namespace posthorn::proof {

void draw_features(Plan& plan);

}  // namespace posthorn::proof
