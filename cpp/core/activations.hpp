// The activation of one row in float64, whatever its numbers and dtypes.
#pragma once

#include "problem.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

constexpr int activation_arrays = 4;  // of work space

void activate_row(const ActivationProblem &, std::int64_t row, const Scratch &, int thread);

}  // namespace crossentropy::CE_ISA
