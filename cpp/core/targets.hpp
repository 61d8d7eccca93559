// The targets of one row: one class with all the mass, or a dense distribution; checked, smoothed, weighted.
#pragma once

#include <cmath>

#include "dtypes.hpp"
#include "scratch.hpp"
#include "sums.hpp"

namespace crossentropy::CE_ISA {

struct TargetRow {
    bool kept = true;  // false: ignored, or of sample weight 0
    bool one = true;   // all the mass on one class, `label`
    std::int64_t label = 0;
    // When not `one`, padded with zeros: t after smoothing, and Σ_c's terms w_c t_c (the same array without class
    // weights).
    double *dense = nullptr, *share = nullptr;
    double weight = 0;  // Σ_c w_c t_c
};

inline bool is_kept(const RowProblem &p, std::int64_t r) {
    if (p.sample_weight && p.sample_weight[r] == 0) return false;
    if (p.kind != TargetKind::index || !p.has_ignore) return true;
    const Label y = label(p.targets, r);
    return !(y.fits && y.value == p.ignore);
}

inline double row_scale(const RowProblem &p, std::int64_t r) { return p.sample_weight ? p.sample_weight[r] : 1.0; }

// Whether value and gradient are rounded to float32 or less in the end.
inline bool ends_in_single(const RowProblem &p, const Results &out) {
    auto wide = [](const View &view) { return view.given() && view.dtype == DType::f64; };
    return out.order <= Order::gradient && !wide(p.predictions) && !wide(out.losses) && !wide(out.derivative);
}

// What is wrong with the targets of row r, looked at before anything is computed. `scratch` holds K columns.
inline Finding check_targets(const RowProblem &p, std::int64_t r, double *scratch) {
    const std::int64_t classes = p.predictions.cols;
    if (p.kind == TargetKind::index) {
        const Label y = label(p.targets, r);
        if (y.fits && y.value >= 0 && y.value < classes) return {};
        return {Fault::label_out_of_range, r, 0, (double)y.value};
    }
    const View &values = p.kind == TargetKind::soft ? p.targets : p.probabilities;
    const Fault fault = p.kind == TargetKind::soft ? Fault::target_not_distribution : Fault::sparse_not_distribution;
    load_row(values, r, 0, values.cols, scratch);
    pad(scratch, values.cols);
    Bits bad{};
    for (std::int64_t j = 0; j < values.cols; j += lanes) bad |= ~(load(scratch + j) >= 0.0);
    const bool good = !any(bad);
    const double mass = total(sum_of(scratch, values.cols));
    const bool whole = p.kind == TargetKind::soft || (p.uniform_tail && values.cols >= classes);
    const bool fits = whole ? std::fabs(mass - 1.0) <= p.sum_tolerance : mass <= 1.0 + p.sum_tolerance;
    if (!good || !fits) return {fault, r, 0, mass};
    if (p.kind == TargetKind::soft) return {};

    for (std::int64_t j = 0; j < values.cols; ++j) {
        const Label c = label(p.targets, r, j);
        if (!c.fits || c.value < 0 || c.value >= classes) return {Fault::sparse_out_of_range, r, j, (double)c.value};
        scratch[c.value] = 0;
    }
    for (std::int64_t j = 0; j < values.cols; ++j) {
        const std::int64_t c = label(p.targets, r, j).value;
        if (scratch[c] != 0) return {Fault::sparse_repeated, r, j, (double)c};
        scratch[c] = 1;
    }
    return {};
}

// The classes that smoothing spreads over: all, or those flagged 1.
struct Allowed {
    const double *flags = nullptr;
    std::int64_t count = 0;

    double operator()(std::int64_t j) const { return flags == nullptr ? 1.0 : flags[j]; }
};

// `dense` and `share` hold a padded row each.
inline void read_target(TargetRow &t, const RowProblem &p, std::int64_t r, const Allowed &allowed, double *dense,
                        double *share) {
    const std::int64_t classes = p.predictions.cols;
    t.kept = is_kept(p, r);
    if (!t.kept) return;
    t.one = p.kind == TargetKind::index && p.smoothing == 0;
    if (p.kind == TargetKind::index) t.label = label(p.targets, r).value;
    if (t.one) {
        t.weight = p.class_weight ? p.class_weight[t.label] : 1.0;
        return;
    }
    t.dense = t.share = dense;
    if (p.kind == TargetKind::soft) {
        load_row(p.targets, r, 0, classes, dense);
    } else if (p.kind == TargetKind::index) {
        for (std::int64_t j = 0; j < classes; ++j) dense[j] = 0;
        dense[t.label] = 1;
    } else {
        const std::int64_t listed = p.targets.cols;
        double spread = 0;
        if (p.uniform_tail && listed < classes) {
            Sum<double> rest;
            rest.add(1.0);
            for (std::int64_t j = 0; j < listed; ++j) rest.add(-element(p.probabilities, r, j));
            const double mass = total(rest);
            spread = mass > 0 ? mass / (double)(classes - listed) : 0;
        }
        for (std::int64_t j = 0; j < classes; ++j) dense[j] = spread;
        for (std::int64_t j = 0; j < listed; ++j) dense[label(p.targets, r, j).value] = element(p.probabilities, r, j);
    }
    if (p.smoothing != 0 && allowed.count > 0) {
        const double uniform = p.smoothing / (double)allowed.count;
        for (std::int64_t j = 0; j < classes; ++j) dense[j] = (1.0 - p.smoothing) * dense[j] + allowed(j) * uniform;
    }
    pad(dense, classes);
    if (p.class_weight) {
        t.share = share;
        for (std::int64_t j = 0; j < classes; ++j) share[j] = p.class_weight[j] * dense[j];
        pad(share, classes);
    }
    t.weight = total(sum_of(t.share, classes));
}

}  // namespace crossentropy::CE_ISA
