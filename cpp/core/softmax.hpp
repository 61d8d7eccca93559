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
    bool single = false;  // results end in float32 or less: e to 1e-11 is enough
    // Where to put what; each holds a padded row, null where not wanted.
    double *z = nullptr;        // work space for logits that cannot be used where they lie; never null
    double *e = nullptr;        // e^(x_j - x_top), padded with zeros; may be z
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

// The largest value that is not NaN; -inf where there is none. fetch(j) gives the vector of logits from j on.
template <class Fetch>
double find_maximum(std::int64_t length, Fetch fetch) {
    Vec best = splat(-infinity), other = best;
    std::int64_t j = 0;
    for (; j + 2 * lanes <= length; j += 2 * lanes) {
        best = larger(fetch(j), best);
        other = larger(fetch(j + lanes), other);
    }
    if (j < length) best = larger(fetch(j), best);
    best = larger(best, other);
    double value = best[0];
    for (int l = 1; l < lanes; ++l) value = best[l] > value ? best[l] : value;
    return value;
}

// Where it stands first; it is there. Several vectors at a time, since a look across lanes costs more than a
// comparison.
template <class Fetch>
std::int64_t find(double value, std::int64_t length, Fetch fetch) {
    constexpr std::int64_t stretch = 8 * lanes;
    for (std::int64_t from = 0;; from += stretch) {
        const std::int64_t to = from + stretch < length ? from + stretch : length;
        Bits found{};
        for (std::int64_t j = from; j < to; j += lanes) found |= fetch(j) == value;
        if (!any(found)) continue;
        for (std::int64_t j = from;; ++j)
            if (fetch(j / lanes * lanes)[j % lanes] == value) return j;
    }
}

template <class Fetch>
bool holds_nan(std::int64_t length, Fetch fetch) {
    Bits found{};
    for (std::int64_t j = 0; j < length; j += lanes) {
        const Vec z = fetch(j);
        found |= z != z;
    }
    return any(found);
}

// Row r of the logits, capped and masked, into row.z.
inline void read_logits(SoftmaxRow &row, const View &logits, std::int64_t r, const Transform &transform) {
    const std::int64_t length = padded(row.classes);
    double *z = row.z;
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

// rest, and what is stored on the way
template <bool single, class Fetch>
void sweep(SoftmaxRow &row, double maximum, double temperature, Fetch fetch) {
    const std::int64_t length = padded(row.classes), block = row.top / lanes * lanes;
    Sum<Vec> rest;
    for (std::int64_t j = 0; j < length; j += lanes) {
        Vec z = fetch(j), gap, e;
        if (j == block) z[row.top - block] = -infinity;  // left out of rest
        if (single) {
            gap = temperature == 1.0 ? z - maximum : (z - maximum) / temperature;
            e = exp_single(gap);
            rest.high += e;
        } else {
            const Difference<Vec> d = gap_to(maximum, z, temperature);
            gap = d.high;
            e = exp_nonpositive(d.high, d.low);
            rest.add(e);
        }
        if (row.gap) store(row.gap + j, gap);
        if (row.e) store(row.e + j, e);
    }
    if (row.e) row.e[row.top] = 1.0;
    if (row.gap) row.gap[row.top] = 0.0;
    row.rest = total(across(rest));
}

template <class Fetch>
void solve(SoftmaxRow &row, double temperature, Fetch fetch) {
    const std::int64_t length = padded(row.classes);
    const double maximum = find_maximum(length, fetch);
    row.maximum = maximum / temperature;
    row.defined = maximum > -infinity;
    if (!row.defined) {
        row.any_nan = holds_nan(length, fetch);
        return;
    }
    row.top = find(maximum, length, fetch);
    if (row.label >= 0 && row.label != row.top) {
        const Vec around = fetch(row.label / lanes * lanes);
        row.label_gap = gap_to(maximum, splat(around[row.label % lanes]), temperature).high[0];
    }
    // where e takes the place of the logits, a NaN must be seen before
    const bool nan_before = row.e == row.z && maximum == infinity && holds_nan(length, fetch);
    if (row.single)
        sweep<true>(row, maximum, temperature, fetch);
    else
        sweep<false>(row, maximum, temperature, fetch);
    row.sum = 1.0 + row.rest;
    row.log_sum = std::log1p(row.rest);
    row.defined = row.rest == row.rest;  // not: NaN among the logits, or inf - inf of two of +inf
    row.any_nan = !row.defined && (maximum < infinity || nan_before);
}

// Contiguous float32 or float64 logits, taken where they lie; only the last vector is a copy, filled up with -inf.
template <class Float>
void solve_in_place(SoftmaxRow &row, const Float *logits, double temperature) {
    const std::int64_t whole = row.classes / lanes * lanes;
    double tail[lanes];
    for (std::int64_t l = 0; l < lanes; ++l) tail[l] = whole + l < row.classes ? (double)logits[whole + l] : -infinity;
    solve(row, temperature, [&](std::int64_t j) { return j < whole ? load(logits + j) : load(tail); });
}

inline void read_softmax(SoftmaxRow &row, const View &logits, std::int64_t r, const Transform &transform) {
    row.classes = logits.cols;
    const bool as_it_lies = transform.softcap == 0 && !transform.mask.given() && !row.allowed && logits.col_stride == 1;
    const std::int64_t at = logits.offset(r);
    if (as_it_lies && logits.dtype == DType::f32) {
        solve_in_place(row, (const float *)logits.data + at, transform.temperature);
    } else if (as_it_lies && logits.dtype == DType::f64) {
        solve_in_place(row, (const double *)logits.data + at, transform.temperature);
    } else {
        read_logits(row, logits, r, transform);
        const double *z = row.z;
        solve(row, transform.temperature, [z](std::int64_t j) { return load(z + j); });
    }
}

}  // namespace crossentropy::CE_ISA
