// The float32 side of the vector type: twice the lanes of Vec, with the exponential and the logarithm that results of
// float32 or less need. The bounds stated here are those that cpp/tests/test_single.cpp holds them to, over every
// float32 of their range; the second one is that of machines that round a·b + c twice.
#pragma once

#include "simd.hpp"

namespace crossentropy::CE_ISA {

constexpr int lanes32 = 2 * lanes;
constexpr std::int64_t group = 4 * lanes32;  // what loops take at a time, so that no vector waits for another

using Vec32 = float __attribute__((vector_size(4 * lanes32)));
using Bits32 = std::int32_t __attribute__((vector_size(4 * lanes32)));

inline Vec32 splat32(float x) { return x - Vec32{}; }
inline Vec32 load32(const float *p) {
    Vec32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
inline void store(float *p, Vec32 v) { __builtin_memcpy(p, &v, sizeof v); }

// Past the caches, to memory; p is aligned to a whole vector. `fence` orders such stores before those that follow.
inline void stream(float *p, Vec32 v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
    _mm256_stream_ps(p, (__m256)v);
#else
    store(p, v);
#endif
}
inline void fence() {
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

// a·b + c in one rounding where the machine can, in two elsewhere: for polynomials.
inline Vec32 fma(Vec32 a, Vec32 b, Vec32 c) {
#if defined(__AVX512F__)
    return (Vec32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (Vec32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
    return (Vec32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

using Half = float __attribute__((vector_size(4 * lanes)));
inline Vec low_half(Vec32 x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x));
#else
    Half h;
    __builtin_memcpy(&h, &x, sizeof h);
    return __builtin_convertvector(h, Vec);
#endif
}
inline Vec high_half(Vec32 x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1));
#else
    Half h;
    __builtin_memcpy(&h, (const char *)&x + sizeof h, sizeof h);
    return __builtin_convertvector(h, Vec);
#endif
}
inline Vec32 narrowed(Vec low, Vec high) {
#if defined(__AVX512F__)
    const __m512 first = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low));
    return (Vec32)_mm512_insertf32x8(first, _mm512_cvtpd_ps((__m512d)high), 1);
#else
    const Half l = __builtin_convertvector(low, Half), h = __builtin_convertvector(high, Half);
    Vec32 x;
    __builtin_memcpy(&x, &l, sizeof l);
    __builtin_memcpy((char *)&x + sizeof l, &h, sizeof h);
    return x;
#endif
}

// a·b + c in one rounding everywhere; a·b fits float64.
inline Vec32 fma_exact(Vec32 a, Vec32 b, Vec32 c) {
#if defined(__AVX2__) || defined(__ARM_NEON)
    return fma(a, b, c);
#else
    return narrowed(low_half(a) * low_half(b) + low_half(c), high_half(a) * high_half(b) + high_half(c));
#endif
}

// The larger of the two; b where one is NaN.
inline Vec32 larger(Vec32 a, Vec32 b) {
#if defined(__AVX512F__)
    return (Vec32)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (Vec32)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return a > b ? a : b;
#endif
}

// Over all lanes, in pairs.
inline float largest_lane(Vec32 x) {
    float lane[lanes32];
    store(lane, x);
    for (int width = lanes; width > 0; width /= 2)
        for (int l = 0; l < width; ++l) lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
    return lane[0];
}
inline double sum_of_lanes(Vec x) {
    double lane[lanes];
    store(lane, x);
    for (int width = lanes / 2; width > 0; width /= 2)
        for (int l = 0; l < width; ++l) lane[l] += lane[l + width];
    return lane[0];
}

inline Bits32 lane_numbers() {
    Bits32 n;
    for (int l = 0; l < lanes32; ++l) n[l] = l;
    return n;
}

inline bool any(Bits32 mask) { return any((Bits)mask); }
inline Vec32 absolute(Vec32 x) { return (Vec32)((Bits32)x & INT32_MAX); }

// Sums of float32 vectors in float64, four vectors at a time.
struct Total {
    Vec low{}, high{};

    void add(const Vec32 (&x)[4]) {
        const Vec32 sum = (x[0] + x[1]) + (x[2] + x[3]);
        low += low_half(sum);
        high += high_half(sum);
    }
    double value() const { return sum_of_lanes(low + high); }
};

// e^(z/T) as a multiple of a power of two that the caller chooses: no maximum needs to be subtracted from z first, and
// so no digit of z is rounded off. With n = round(z/(T·log 2)) and r = z - n·T·log 2, which is exact but for the last
// bits of T·log 2, e^(z/T) = 2^n·e^(r/T): a polynomial of degree 6 in r.
class Exp32 {
  public:
    // Results are 2^boost·e^(z/T)/2^origin: what is 2^-186 of the largest is a normal float32 still.
    static constexpr int boost = 60;
    static constexpr float reach = 126.0f;  // x this far below origin·log 2, or further, counts as 0

    float limit() const { return 1048576 * temperature_; }  // for |z|: n is exact up to here

    explicit Exp32(double temperature = 1.0) : temperature_((float)temperature) {
        constexpr double log2 = 0.69314718055994531;
        const double unit = temperature * log2, inverse = 1.0 / temperature;
        per_unit_ = (float)(1.0 / unit);
        unit_high_ = (float)unit;
        unit_low_ = (float)(unit - (double)unit_high_);
        static const double series[] = {
            1.0, 0.5, 0.166665181517601, 0.04166620597243309, 0.008368953131139278, 0.0013950602151453495};
        double power = inverse;
        for (int k = 0; k < 6; ++k, power *= inverse) series_[k] = (float)(series[k] * power);
    }

    // The power of two nearest to e^(z/T), or nearly: z/T is within 0.45 of origin·log 2.
    float origin(float z) const { return __builtin_rintf(z * per_unit_); }
    Vec32 origin(Vec32 z) const { return fma(z, splat32(per_unit_), splat32(shift)) - shift; }

    // z/T so low that the result is 0, beside an origin that belongs to `largest`
    template <class T>
    T lowest(T largest) const {
        return largest - reach * temperature_;
    }

    // 0.93 ULP (1.21) at T = 1, 1.16 (1.46) at others; 0 below `lowest`, NaN for NaN. z/T is at most a little above
    // origin·log 2.
    Vec32 operator()(Vec32 z, Vec32 origin, Vec32 lowest) const {
        const Vec32 offset = (shift + 127.0f + (float)boost) - origin;  // puts n + exponent bias into the low bits
        const Vec32 shifted = fma_exact(z, splat32(per_unit_), offset);
        const Vec32 r = remainder(z, shifted - offset), p = fma(series(r), r, splat32(1.0f));
        const Vec32 power = (Vec32)((Bits32)shifted << 23);
        return z < lowest ? Vec32{} : p * power;
    }

    // e^(origin·log 2 - z/T) - 1 for the z whose origin it is, within 2^-23.5 (2^-22.5).
    Vec32 inverse_less_one(Vec32 z, Vec32 origin) const {
        const Vec32 r = -remainder(z, origin);
        return series(r) * r;
    }

  private:
    static constexpr float shift = 12582912.0f;  // 1.5·2^23

    // z - n·T·log 2
    Vec32 remainder(Vec32 z, Vec32 n) const {
        return fma(n, splat32(-unit_low_), fma_exact(n, splat32(-unit_high_), z));
    }
    // (e^(r/T) - 1)/r
    Vec32 series(Vec32 r) const {
        Vec32 p = fma(splat32(series_[5]), r, splat32(series_[4]));
        for (int k = 3; k >= 0; --k) p = fma(p, r, splat32(series_[k]));
        return p;
    }

    float temperature_, per_unit_, unit_high_, unit_low_, series_[6];
};

// e^r for |r| <= 0.35
inline Vec32 exp_series(Vec32 r) {
    static const float series[] = {1.0f, 0.5f, 0.166665182f, 0.0416662060f, 0.00836895313f, 0.00139506022f};
    Vec32 p = fma(splat32(series[5]), r, splat32(series[4]));
    for (int k = 3; k >= 0; --k) p = fma(p, r, splat32(series[k]));
    return fma(p, r, splat32(1.0f));
}

// 2^60·e^x for x <= 38, and 0 below -126: 0.93 ULP (1.21); NaN for NaN.
inline Vec32 exp_boosted(Vec32 x) {
    constexpr float shift = 12582912.0f + 127.0f + 60.0f;  // puts n + exponent bias into the low bits
    constexpr float unit_high = 0.693147182f, unit_low = -1.90465421e-9f;
    const Vec32 shifted = fma_exact(x, splat32(1.44269504f), splat32(shift)), n = shifted - shift;
    const Vec32 r = fma(n, splat32(-unit_low), fma_exact(n, splat32(-unit_high), x));
    const Vec32 power = (Vec32)((Bits32)shifted << 23);
    return x < -126.0f ? Vec32{} : exp_series(r) * power;
}

// x·2^n for x >= 2^-26 and integers n in [-226, 0] held as float32, rounded once where it is subnormal.
inline Vec32 scaled(Vec32 x, Vec32 n) {
#if defined(__AVX512F__)
    return (Vec32)_mm512_scalef_ps((__m512)x, (__m512)n);
#else
    constexpr float shift = 12582912.0f + 127.0f;                         // puts n + exponent bias into the low bits
    const Vec32 first = larger(splat32(-100.0f), n), second = n - first;  // x·2^first is normal still
    return x * (Vec32)((Bits32)(first + shift) << 23) * (Vec32)((Bits32)(second + shift) << 23);
#endif
}

// e^-x for x >= 0: 0.92 ULP (1.21), with gradual underflow; exact 0 from 104 on, NaN for NaN.
inline Vec32 exp_negative(Vec32 x) {
    constexpr float shift = 12582912.0f, unit_high = 0.693147182f, unit_low = -1.90465421e-9f;
    const Vec32 n = fma_exact(x, splat32(-1.44269504f), splat32(shift)) - shift;
    Vec32 r = fma_exact(n, splat32(-unit_high), -x);
    r = fma(n, splat32(-unit_low), r);
    return x >= 104.0f ? Vec32{} : scaled(exp_series(r), n);
}

// log(1 + x) for 0 <= x <= 1: x and x times a polynomial around 1/2, 1.18 ULP (1.55).
inline Vec32 log1p_unit(Vec32 x) {
    static const float series[] = {-0.18906978f,   -0.288527110f, 0.132609004f,    -0.0676876987f, 0.0366354728f,
                                   -0.0205702956f, 0.0115761511f, -0.00674991242f, 0.00525334905f, -0.00324402336f};
    const Vec32 t = x - 0.5f, tt = t * t;
    auto pair = [&](int i) { return fma(splat32(series[i + 1]), t, splat32(series[i])); };
    // the terms that weigh least in pairs side by side, since a long chain waits on itself
    const Vec32 high = fma(fma(pair(8), tt, pair(6)), tt * tt, fma(pair(4), tt, pair(2)));
    return fma(x, fma(high, tt, pair(0)), x);
}

// log(1 + x) for finite x >= 0: 1.59 ULP. Above 1, 1 + x = 2^n (1 + f) loses nothing that the logarithm would
// show.
inline Vec32 log1p_nonnegative(Vec32 x) {
    const Bits32 small = x <= 1.0f, sum = (Bits32)(1.0f + x);
    const Vec32 fraction = (Vec32)((sum & 0x007fffff) | 0x3f800000) - 1.0f;
    const Vec32 n = __builtin_convertvector((sum >> 23) - 127, Vec32);
    const Vec32 logarithm = log1p_unit(small ? x : fraction);
    return small ? logarithm : fma(n, splat32(0.693147181f), logarithm);
}

}  // namespace crossentropy::CE_ISA
