// The kernels of one instruction set; kernels.cpp collects them into a table.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace crossentropy::CE_ISA {

Weighed weigh_rows(const RowProblem &);
double run_rows(const RowProblem &, const Results &);

// In float32 lanes, where results end in float32 or less.
bool is_wide(const RowProblem &, const Results &);
double run_wide(const RowProblem &, const Results &);

// Faster ways for rows of few classes, where they serve.
bool is_narrow(const RowProblem &, const Results &);
double run_narrow(const RowProblem &, const Results &);
bool is_narrow(const ActivationProblem &);
void activate_narrow(const ActivationProblem &);
Weighed weigh_elements(const ElementProblem &);
double run_elements(const ElementProblem &, const Results &);
void activate(const ActivationProblem &);

}  // namespace crossentropy::CE_ISA
