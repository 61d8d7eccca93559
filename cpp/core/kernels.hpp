// The kernels of one instruction set; table.cpp collects them into a table.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace crossentropy::CE_ISA {

Weighed weigh_rows(const RowProblem &);
double run_rows(const RowProblem &, const Results &);

// Where `fits_single` (single_shares.hpp) holds: float32 lanes along the classes, or one row in each lane.
double run_single_wide(const RowProblem &, const Results &);
bool is_single_narrow(const RowProblem &);
double run_single_narrow(const RowProblem &, const Results &);
bool is_single(const ActivationProblem &);
void activate_single(const ActivationProblem &);
bool is_single(const ElementProblem &, const Results &);
Weighed run_single_elements(const ElementProblem &, const Results &);

// Cross-entropy on probabilities against class indices, without weights: whether all rows sum to 1, as near as can be
// said fast, and the value.
bool is_plain_probabilities(const RowProblem &);
bool all_are_distributions(const RowProblem &);
double run_plain_probabilities(const RowProblem &, const Results &);

// In float64, one row of few classes in each lane.
bool is_narrow(const RowProblem &, const Results &);
double run_narrow(const RowProblem &, const Results &);
bool is_narrow(const ActivationProblem &);
void activate_narrow(const ActivationProblem &);

// In float64, the plain case of rows of many classes.
bool is_wide(const RowProblem &, const Results &);
double run_wide(const RowProblem &, const Results &);

Weighed weigh_elements(const ElementProblem &);
Weighed run_elements(const ElementProblem &, const Results &);
void activate(const ActivationProblem &);

Weighed run_linear_rows(const RowProblem &, const LinearProblem &);
Weighed run_linear_elements(const ElementProblem &, const LinearProblem &);
Weighed run_sparse_rows(const RowProblem &, const SparseProblem &);
Weighed run_sparse_elements(const ElementProblem &, const SparseProblem &);
double run_dual_ascent(const DualAscentProblem &);
void run_logits(const LogitsProblem &);
std::int64_t run_moments(const MomentsProblem &);
void run_gram(const GramProblem &);

void run_statistics(const StatisticsProblem &);
void mark_columns(const View &, const double *scale, double eps, std::uint8_t *marks);
void add_to_halves(const View &tile, bool first, std::uint16_t *upper, std::uint16_t *lower);
void round_halves(std::uint16_t *upper, const std::uint16_t *lower, std::int64_t count);

}  // namespace crossentropy::CE_ISA
