// One row of logits, from memory to e^(x - max), and what follows from it. `x` are the transformed logits: softcap,
// then temperature, then mask.
//
// The largest logit, at `top`, stands apart: S = 1 + rest with rest = Σ_{j≠top} e^(x_j - x_top), so that log S =
// log1p(rest) and 1 - p_top = rest/S keep all their digits however small rest is.
#pragma once

#include <cmath>

#include "dtypes.hpp"
#include "mathematics.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

constexpr double infinity = __builtin_inf();

struct Transform {
    double softcap = 0, temperature = 1;  // softcap 0: none
    View mask;                            // may be absent
};

struct SoftmaxRow {
    std::int64_t classes = 0;
    // Where to put what; each holds a padded row, null where not wanted.
    double *e = nullptr;        // e^(x_j - x_top), padded with zeros; never null
    double *gap = nullptr;      // x_j - x_top <= 0
    double *slope = nullptr;    // of the softcap; 1 for dropped classes
    double *allowed = nullptr;  // 1 where the logit is not -inf, else 0
    std::int64_t label = -1;    // whose gap is wanted in label_gap

    std::int64_t top = 0;
    std::int64_t allowed_count = 0;  // counted where `allowed` is wanted
    double maximum = 0, rest = 0, sum = 1, log_sum = 0, label_gap = 0;
    bool defined = true;   // false: a NaN among the classes, no class at all, or two classes at +inf
    bool any_nan = false;  // among the logits

    // 1 - p_j
    double complement(std::int64_t j) const { return j == top ? rest / sum : (sum - e[j]) / sum; }
    // log-sum-exp of the transformed logits
    double lse() const { return maximum + log_sum; }
};

// The largest value that is not NaN; -inf where there is none.
inline double find_maximum(const double *z, std::int64_t length) {
    Vec best = splat(-infinity), other = best;
    std::int64_t j = 0;
    for (; j + 2 * lanes <= length; j += 2 * lanes) {
        best = larger(load(z + j), best);
        other = larger(load(z + j + lanes), other);
    }
    if (j < length) best = larger(load(z + j), best);
    best = larger(best, other);
    double value = best[0];
    for (int l = 1; l < lanes; ++l) value = best[l] > value ? best[l] : value;
    return value;
}

// Where it stands first; z holds it.
inline std::int64_t find(const double *z, double value) {
    std::int64_t j = 0;
    while (!any(load(z + j) == value)) j += lanes;
    while (z[j] != value) ++j;
    return j;
}

inline bool holds_nan(const double *z, std::int64_t count) {
    bool found = false;
    for (std::int64_t j = 0; j < count; ++j) found |= z[j] != z[j];
    return found;
}

// Row r of the logits, capped and masked, into row.e.
inline void read_logits(SoftmaxRow &row, const View &logits, std::int64_t r, const Transform &transform) {
    const std::int64_t length = padded(row.classes = logits.cols);
    double *z = row.e;
    load_row(logits, r, 0, row.classes, z);
    for (std::int64_t j = row.classes; j < length; ++j) z[j] = -infinity;
    if (transform.softcap > 0) {
        for (std::int64_t j = 0; j < length; j += lanes) {
            const Vec x = load(z + j), u = x / transform.softcap;
            if (row.slope) store(row.slope + j, x == -infinity ? splat(1.0) : tanh_derivative(u));
            store(z + j, x == -infinity ? x : transform.softcap * tanh(u));
        }
    }
    if (transform.mask.given()) {
        const View &mask = transform.mask;
        const std::int64_t mask_row = mask.rows == 1 ? 0 : r;
        const auto *keep = (const std::uint8_t *)mask.data + mask.offset(mask_row);
        for (std::int64_t j = 0; j < row.classes; ++j) {
            const bool kept = keep[j * mask.col_stride] != 0;
            z[j] = kept ? z[j] : -infinity;
            if (row.slope) row.slope[j] = kept ? row.slope[j] : 1.0;
        }
    }
    if (!row.allowed) return;
    row.allowed_count = 0;
    for (std::int64_t j = 0; j < row.classes; ++j) {
        row.allowed[j] = z[j] == -infinity ? 0.0 : 1.0;
        row.allowed_count += z[j] != -infinity;
    }
}

// x_j - x_top for one vector, with its rounding error.
inline Difference<Vec> gap_to(double top, Vec z, double temperature) {
    const Difference<Vec> d = difference(z, splat(top));
    return temperature == 1.0 ? d : quotient(d, splat(temperature));
}

inline void read_softmax(SoftmaxRow &row, const View &logits, std::int64_t r, const Transform &transform) {
    read_logits(row, logits, r, transform);
    const std::int64_t length = padded(row.classes);
    double *z = row.e;
    const double maximum = find_maximum(z, length);
    row.maximum = maximum / transform.temperature;
    row.defined = maximum > -infinity;
    if (!row.defined) {
        row.any_nan = holds_nan(z, row.classes);
        return;
    }
    row.top = find(z, maximum);
    if (row.label >= 0)
        row.label_gap =
            row.label == row.top ? 0.0 : gap_to(maximum, splat(z[row.label]), transform.temperature).high[0];
    z[row.top] = -infinity;  // left out of rest
    Sum<Vec> rest;
    for (std::int64_t j = 0; j < length; j += lanes) {
        const Difference<Vec> gap = gap_to(maximum, load(z + j), transform.temperature);
        const Vec e = exp_nonpositive(gap.high, gap.low);
        if (row.gap) store(row.gap + j, gap.high);
        store(row.e + j, e);
        rest.add(e);
    }
    row.e[row.top] = 1.0;
    if (row.gap) row.gap[row.top] = 0.0;
    row.rest = total(across(rest));
    row.sum = 1.0 + row.rest;
    row.log_sum = std::log1p(row.rest);
    row.defined = row.rest == row.rest;
    if (!row.defined) {  // a NaN among the logits, or inf - inf of two of +inf
        read_logits(row, logits, r, transform);
        row.any_nan = holds_nan(z, row.classes);
    }
}

}  // namespace crossentropy::CE_ISA
