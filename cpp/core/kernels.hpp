// The kernels of one instruction set; kernels.cpp collects them into a table.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace crossentropy::CE_ISA {

Weighed weigh_rows(const RowProblem &);
double run_rows(const RowProblem &, const Results &);
Weighed weigh_elements(const ElementProblem &);
double run_elements(const ElementProblem &, const Results &);
void activate(const ActivationProblem &);

}  // namespace crossentropy::CE_ISA
