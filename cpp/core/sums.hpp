// Sums that do not lose their small terms: the rounding error of every addition is carried along (Knuth's two-sum).
// Compiled without contraction of a·b + c, which would change the error terms.
#pragma once

#include "simd.hpp"

namespace crossentropy::CE_ISA {

template <class T>
struct Sum {
    T high{}, low{};

    void add(T x) {
        const T sum = high + x;
        const T part = sum - high;
        low += (high - (sum - part)) + (x - part);
        high = sum;
    }

    void add(const Sum &other) {
        add(other.high);
        low += other.low;
    }
};

// A non-finite total has no meaningful error term (inf - inf is NaN): then the plain sum counts.
inline double total(const Sum<double> &s) { return __builtin_isfinite(s.high) ? s.high + s.low : s.high; }

// All lanes in one, in pairs.
inline Sum<double> across(const Sum<Vec> &s) {
    Sum<double> lane[lanes];
    for (int l = 0; l < lanes; ++l) lane[l] = {s.high[l], s.low[l]};
    for (int width = lanes / 2; width > 0; width /= 2)
        for (int l = 0; l < width; ++l) {
            lane[l].add(lane[l + width].high);
            lane[l].low += lane[l + width].low;
        }
    return lane[0];
}

// Σ of an array padded with zeros to whole vectors.
inline Sum<double> sum_of(const double *x, std::int64_t count) {
    Sum<Vec> sum;
    for (std::int64_t j = 0; j < count; j += lanes) sum.add(load(x + j));
    return across(sum);
}

// a - b as a rounded difference and its error; the error of an infinite difference is 0.
template <class T>
struct Difference {
    T high, low;
};

inline Difference<Vec> difference(Vec a, Vec b) {
    const Vec high = a - b;
    const Vec part = high - a;
    const Vec low = (a - (high - part)) - (b + part);
    return {high, absolute(high) <= 1.7976931348623157e308 ? low : Vec{}};
}

// a·b as a rounded product and its error (Dekker's splitting where there is no fused multiply-add).
inline Vec product_error(Vec a, Vec b, Vec product) {
#if defined(__AVX2__) || defined(__ARM_NEON)
    return fma(a, b, -product);
#else
    const Vec split = splat(134217729.0);
    const Vec ca = split * a, cb = split * b;
    const Vec ah = ca - (ca - a), bh = cb - (cb - b);
    const Vec al = a - ah, bl = b - bh;
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
#endif
}

// (high + low) / b as a quotient and its error; an infinite quotient has error 0.
inline Difference<Vec> quotient(Difference<Vec> a, Vec b) {
    const Vec q = a.high / b;
    const Vec product = q * b;
    const Vec low = ((a.high - product) - product_error(q, b, product) + a.low) / b;
    return {q, absolute(q) <= 1e300 ? low : Vec{}};
}

}  // namespace crossentropy::CE_ISA
