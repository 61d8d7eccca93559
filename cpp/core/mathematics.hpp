// exp, log1p and tanh on vectors of float64, for the ranges that the losses need. The bounds stated here are those that
// cpp/tests/test_mathematics.cpp holds them to, against the C library's long double.
#pragma once

#include "simd.hpp"
#include "sums.hpp"

namespace crossentropy::CE_ISA {

// Σ c[i] x^i, lowest first, of 6, 8 or 12 terms: in pairs and pairs of pairs (Estrin), since a long chain waits on
// itself.
template <int terms>
inline Vec polynomial(Vec x, const double (&c)[terms]) {
    static_assert(terms == 6 || terms == 8 || terms == 12);
    const Vec xx = x * x, xxxx = xx * xx;
    auto pair = [&](int i) { return fma(splat(c[i + 1]), x, splat(c[i])); };
    auto quad = [&](int i) { return fma(pair(i + 2), xx, pair(i)); };
    if constexpr (terms == 6) return fma(pair(4), xxxx, quad(0));
    const Vec high = terms == 12 ? fma(quad(terms - 4), xxxx, quad(4)) : quad(4);
    return fma(high, xxxx, quad(0));
}

// 2^n for integers n in [-1022, 1023] held as float64.
inline Vec power_of_two(Vec n) {
    const Vec shifted = n + 6755399441055744.0 + 1023.0;  // 1.5·2^52 puts the integer into the low bits
    return (Vec)((Bits)shifted << 52);
}

// y·2^⌊n⌋ for y in [0.5, 2) and n in [-2000, 1000], rounded once; n is an integer where there is no AVX-512.
inline Vec times_power_of_two(Vec y, Vec n) {
#if defined(__AVX512F__)
    return (Vec)_mm512_scalef_pd((__m512d)y, (__m512d)n);
#else
    const Vec first = larger(n, splat(-1000.0));  // two steps: 2^n alone would be subnormal
    return y * power_of_two(first) * power_of_two(n - first);
#endif
}

struct Reduced {
    Vec n, q;  // e^x = 2^n (1 + q), |q| < 0.42
};

// x = n·log 2 + r, and q = e^r - 1 by its series: r^14/14! is 0.02 ULP of 1 at |r| = 0.35.
inline Reduced reduce(Vec x, Vec error) {
    static const double series[] = {0.5,           1.0 / 6,        1.0 / 24,        1.0 / 120,
                                    1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                    1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};
    constexpr double per_log2 = 1.4426950408889634;
    // log 2 in two parts, the first with 21 trailing zero bits: n times it is exact for |n| < 2^21
    constexpr double log2_high = 0.69314718036912382, log2_low = 1.9082149292705877e-10;
    constexpr double shift = 6755399441055744.0;
    const Vec n = fma(x, splat(per_log2), splat(shift)) - shift;
    const Vec high = fma(n, splat(-log2_high), x);
    const Vec low = fma(n, splat(-log2_low), error);
    const Vec r = high + low;
    const Vec r_low = (high - r) + low;
    const Vec rr = r * r;
    return {n, r + fma(rr, polynomial(r, series), fma(r, r_low, r_low))};
}

struct Exponential {
    Vec y, error, n;  // e^x = (y + error) 2^⌊n⌋, y in [0.7, 2)
};

inline Exponential exponential(Vec x, Vec error) {
#if defined(__AVX512F__)
    // With roots of 2 at hand in registers, x = n·log 2 + r for n in sixteenths: r^8/8! is 0.01 ULP of 1 at |r| =
    // 0.022.
    static const double roots[] = {1.0,
                                   1.0442737824274138,
                                   1.0905077326652577,
                                   1.1387886347566916,
                                   1.189207115002721,
                                   1.241857812073484,
                                   1.2968395546510096,
                                   1.3542555469368927,
                                   1.4142135623730951,
                                   1.4768261459394993,
                                   1.5422108254079407,
                                   1.6104903319492543,
                                   1.681792830507429,
                                   1.7562521603732995,
                                   1.8340080864093424,
                                   1.9152065613971474};
    static const double root_errors[] = {0.0,
                                         8.551889705537965e-17,
                                         -3.046782079812471e-17,
                                         8.912812676025408e-17,
                                         3.982015231465646e-17,
                                         4.658027591836937e-17,
                                         2.5382502794888315e-17,
                                         7.70094837980299e-17,
                                         -9.667293313452913e-17,
                                         -3.483994556892796e-17,
                                         7.949834809697621e-17,
                                         2.4707192569797888e-17,
                                         8.199010020581497e-17,
                                         2.960140695448873e-17,
                                         3.283107224245627e-17,
                                         -1.0619946056195963e-16};
    static const double series[] = {0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040};
    constexpr double per_log2 = 1.4426950408889634 * 16;
    constexpr double log2_high = 0.69314718036912382 / 16, log2_low = 1.9082149292705877e-10 / 16;
    constexpr double shift = 6755399441055744.0;  // puts the sixteenths into the low bits
    const Vec shifted = fma(x, splat(per_log2), splat(shift)), n = shifted - shift;
    const Vec r = fma(n, splat(-log2_low), fma(n, splat(-log2_high), x) + error), rr = r * r;
    const Vec q = fma(rr, polynomial(r, series), r);
    auto chosen = [&](const double *table) {
        return (Vec)_mm512_permutex2var_pd((__m512d)load(table), (__m512i)shifted, (__m512d)load(table + 8));
    };
    const Vec root = chosen(roots), tail = fma(root, q, chosen(root_errors)), y = root + tail;
    return {y, (root - y) + tail, n * 0.0625};
#else
    const Reduced e = reduce(x, error);
    const Vec y = 1.0 + e.q;
    return {y, (1.0 - y) + e.q, e.n};
#endif
}

// e^(x + error) for x <= 0, |error| <= ulp(x): under 1 ULP down to the smallest normal number, gradual underflow below,
// exact 0 from -746 on, NaN for NaN.
inline Vec exp_nonpositive(Vec x, Vec error) {
    const Vec clamped = larger(splat(-746.0), x);
    const Exponential e = exponential(clamped, error);
    return times_power_of_two(e.y, e.n);
}

// e^x for x <= 0 with a relative error under 1e-11, for results that end in float32 or less: a third of the work. Exact
// 0 below -708, NaN for NaN.
inline Vec exp_single(Vec x) {
    static const double series[] = {0.5,       1.0 / 6,    1.0 / 24,    1.0 / 120,
                                    1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880};
    constexpr double per_log2 = 1.4426950408889634, log2 = 0.69314718055994531, shift = 6755399441055744.0;
    const Vec clamped = larger(splat(-708.0), x);
    const Vec n = (clamped * per_log2 + shift) - shift;
    const Vec r = fma(n, splat(-log2), clamped);
    const Vec rr = r * r;
    const Vec e = (1.0 + fma(rr, polynomial(r, series), r)) * power_of_two(n);
    return x < -708.0 ? Vec{} : e;
}

// e^x - 1 for x <= 0: under 2 ULP.
inline Vec expm1_nonpositive(Vec x) {
    const Vec clamped = larger(splat(-746.0), x);
    const Reduced e = reduce(clamped, Vec{});
    const Vec first = larger(e.n, splat(-1000.0));
    const Vec scale = power_of_two(first);
    return fma(e.q, scale, scale - 1.0);
}

// log(1 + x) for 0 <= x <= 1: under 2 ULP.
inline Vec log1p_unit(Vec x) {
    // 2·atanh(s)/s - 2 = 2(s²/3 + s⁴/5 + …), s² <= 0.0295
    static const double series[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                                    2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25};
    constexpr double log2_high = 0.69314718036912382, log2_low = 1.9082149292705877e-10;
    const Bits large = x > 0.41421356237309503;
    // log(1 + x) = log 2 + log(1 + (x - 1)/2): both arguments are exact
    const Vec f = large ? (x - 1.0) * 0.5 : x;
    const Vec s = f / (2.0 + f);
    const Vec ss = s * s;
    // 2s = f - s·f, so that the leading term is exact: log1p(f) = f - s·(f - s²·R)
    const Vec tail = s * (f - ss * polynomial(ss, series));
    const Vec plain = f - tail;
    return large ? log2_high + (f - (tail - log2_low)) : plain;
}

// log(1 + x) for finite x >= 0: under 2 ULP. Above 1, 1 + x = 2^n (1 + f) loses nothing that the logarithm would show.
inline Vec log1p_nonnegative(Vec x) {
    using Unsigned = std::uint64_t __attribute__((vector_size(8 * lanes)));
    const Bits small = x <= 1.0;
    const Bits sum = (Bits)(1.0 + x);
    const Bits fraction = (sum & 0x000fffffffffffff) | 0x3ff0000000000000;
    // the exponent as the low bits of 2^52, less 2^52 and the bias
    const Vec n = (Vec)((Bits)((Unsigned)sum >> 52) | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
    const Vec logarithm = log1p_unit(small ? x : (Vec)fraction - 1.0);
    return small ? logarithm : n * 0.69314718036912382 + (logarithm + n * 1.9082149292705877e-10);
}

// tanh(x): under 4 ULP; exact ±1 in the limit.
inline Vec tanh(Vec x) {
    const Vec t = expm1_nonpositive(-2.0 * absolute(x));
    const Vec positive = -t / (t + 2.0);
    return x < 0.0 ? -positive : (x > 0.0 ? positive : x);
}

// 1 - tanh(x)², without cancellation.
inline Vec tanh_derivative(Vec x) {
    const Vec e = exp_nonpositive(-2.0 * absolute(x), Vec{});
    return 4.0 * e / ((1.0 + e) * (1.0 + e));
}

}  // namespace crossentropy::CE_ISA
