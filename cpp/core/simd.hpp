// One vector type for the instruction set this file is compiled for. Everything lives in a namespace of that set, so
// that the same source, compiled several times, never shares a symbol.
#pragma once

#include <cstdint>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifndef CE_ISA
#error "compile with -DCE_ISA=<name of the instruction set>"
#endif

namespace crossentropy::CE_ISA {

#if defined(__AVX512F__)
constexpr int lanes = 8;
#elif defined(__AVX2__)
constexpr int lanes = 4;
#else
constexpr int lanes = 2;
#endif

using Vec = double __attribute__((vector_size(8 * lanes)));
using Bits = std::int64_t __attribute__((vector_size(8 * lanes)));

inline Vec splat(double x) { return x - Vec{}; }
inline Vec load(const double *p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
inline Vec load(const float *p) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtps_pd(_mm256_loadu_ps(p));  // what follows becomes two halves with GCC 12
#else
    float __attribute__((vector_size(4 * lanes))) v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, Vec);
#endif
}
inline void store(double *p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

// a·b + c, rounded once where the machine can.
inline Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
    return (Vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON)
    return (Vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// The larger of the two; b where one is NaN.
inline Vec larger(Vec a, Vec b) {
#if defined(__AVX512F__)
    return (Vec)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
    return (Vec)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return a > b ? a : b;
#endif
}

// Whether any lane of a comparison holds.
inline bool any(Bits mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_testz_si256((__m256i)mask, (__m256i)mask) == 0;
#else
    return (mask[0] | mask[1]) != 0;
#endif
}

inline Vec absolute(Vec x) { return (Vec)((Bits)x & INT64_MAX); }

}  // namespace crossentropy::CE_ISA
