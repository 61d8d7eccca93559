// What `run` of a problem comes back with, as one type: rows have no fault left by then, elements may have.
#pragma once

#include "problem.hpp"

namespace crossentropy {

inline Weighed outcome(double total) { return {total, {}}; }
inline Weighed outcome(const Weighed &weighed) { return weighed; }

}  // namespace crossentropy
