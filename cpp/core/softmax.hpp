// One row of logits, from memory to e^(x - max), and what follows from it. `x` are the transformed logits: softcap, then
// temperature, then mask.
//
// The largest logit, at `top`, stands apart: S = 1 + rest with rest = Σ_{j≠top} e^(x_j - x_top), so that log S = log1p(rest)
// and 1 - p_top = rest/S keep all their digits however small rest is.
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
    double *e = nullptr;      // e^(x_j - x_top), padded with zeros; never null
    double *gap = nullptr;    // x_j - x_top <= 0
    double *slope = nullptr;  // of the softcap; 1 for dropped classes
    double *allowed = nullptr;  // 1 where the logit is not -inf, else 0
    std::int64_t label = -1;    // whose gap is wanted in label_gap

    std::int64_t top = 0;
    std::int64_t allowed_count = 0;
    double maximum = 0, rest = 0, sum = 1, log_sum = 0, label_gap = 0;
    bool defined = true;  // false: a NaN among the classes, no class at all, or two classes at +inf
    bool any_nan = false;

    // 1 - p_j
    double complement(std::int64_t j) const { return j == top ? rest / sum : (sum - e[j]) / sum; }
    // log-sum-exp of the transformed logits
    double lse() const { return maximum + log_sum; }
};

struct Maximum {
    double value;
    std::int64_t at;
    bool any_nan;
    std::int64_t allowed;  // how many are not -inf
};

inline Maximum find_maximum(const double *z, std::int64_t length) {
    Vec best = splat(-infinity), where{}, index{}, nan{}, allowed{};
    for (int l = 0; l < lanes; ++l) index[l] = l;
    const Vec one = splat(1.0);
    for (std::int64_t j = 0; j < length; j += lanes) {
        const Vec x = load(z + j);
        const Bits more = x > best;
        best = more ? x : best;
        where = more ? index : where;
        nan = x == x ? nan : one;
        allowed += x == -infinity ? Vec{} : one;
        index += (double)lanes;
    }
    Maximum m{best[0], (std::int64_t)where[0], nan[0] != 0, (std::int64_t)allowed[0]};
    for (int l = 1; l < lanes; ++l) {
        const std::int64_t at = (std::int64_t)where[l];
        if (best[l] > m.value || (best[l] == m.value && at < m.at)) m.value = best[l], m.at = at;
        m.any_nan |= nan[l] != 0;
        m.allowed += (std::int64_t)allowed[l];
    }
    return m;
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
    if (row.allowed)
        for (std::int64_t j = 0; j < row.classes; ++j) row.allowed[j] = z[j] == -infinity ? 0.0 : 1.0;
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
    const Maximum m = find_maximum(z, length);
    row.allowed_count = m.allowed;
    row.top = m.at;
    row.any_nan = m.any_nan;
    row.maximum = m.value / transform.temperature;
    row.defined = !m.any_nan && m.value > -infinity;
    if (!row.defined) return;

    if (row.label >= 0)
        row.label_gap = row.label == row.top ? 0.0 : gap_to(m.value, splat(z[row.label]), transform.temperature).high[0];
    z[m.at] = -infinity;  // left out of rest
    Sum<Vec> rest;
    for (std::int64_t j = 0; j < length; j += lanes) {
        const Difference<Vec> gap = gap_to(m.value, load(z + j), transform.temperature);
        const Vec e = exp_nonpositive(gap.high, gap.low);
        if (row.gap) store(row.gap + j, gap.high);
        store(row.e + j, e);
        rest.add(e);
    }
    row.e[m.at] = 1.0;
    if (row.gap) row.gap[m.at] = 0.0;
    row.rest = total(across(rest));
    row.sum = 1.0 + row.rest;
    row.log_sum = std::log1p(row.rest);
    row.defined = row.rest == row.rest;
}

}  // namespace crossentropy::CE_ISA
