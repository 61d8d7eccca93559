// Rows of any dtype to float64 and back. float64 holds every float16, bfloat16 and float32 exactly; the way back rounds
// once, to nearest even.
#pragma once

#include "problem.hpp"
#include "simd.hpp"

namespace crossentropy::CE_ISA {

template <class To, class From>
inline To bit_cast(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To y;
    __builtin_memcpy(&y, &x, sizeof y);
    return y;
}

inline double from_half(std::uint16_t h) {
    // the exponent field read as a float's is 112 too small; a product with 2^112 mends it, subnormals included
    const float magnitude = bit_cast<float>(std::uint32_t(h & 0x7fffu) << 13) * 0x1p112f;
    const std::uint32_t bits = bit_cast<std::uint32_t>(magnitude);
    const std::uint32_t special = (h & 0x7c00u) == 0x7c00u ? 0x7f800000u | bits : bits;
    return bit_cast<float>(special | std::uint32_t(h & 0x8000u) << 16);
}

inline double from_bfloat(std::uint16_t b) { return bit_cast<float>(std::uint32_t(b) << 16); }

// To float with the last bit set where anything was cut off (round to odd): a second rounding to fewer bits is then
// correct.
inline std::uint32_t float_rounded_to_odd(double x) {
    const float nearest = (float)x;
    const std::uint32_t bits = bit_cast<std::uint32_t>(nearest);
    const std::uint32_t beyond = __builtin_fabs((double)nearest) > __builtin_fabs(x) ? 1u : 0u;
    const std::uint32_t inexact = (double)nearest != x && x == x ? 1u : 0u;
    return (bits - beyond) | inexact;
}

inline std::uint16_t to_bfloat(double x) {
    const std::uint32_t bits = float_rounded_to_odd(x);
    const std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return std::uint16_t(x != x ? 0x7fc0u : rounded);
}

inline std::uint16_t to_half(double x) {
    const std::uint32_t bits = float_rounded_to_odd(x);
    const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    // normal: drop 13 bits to nearest even and rebias; subnormal: adding 0.5 leaves the wanted bits at the low end
    const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    const std::uint32_t subnormal = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    const std::uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
    const std::uint32_t result = magnitude >= 0x477ff000u ? 0x7c00u : finite;
    return std::uint16_t(x != x ? 0x7e00u : sign | result);
}

template <DType>
struct Storage;
#define CE_STORAGE(tag, type, to_double, from_double)     \
    template <>                                           \
    struct Storage<DType::tag> {                          \
        using Type = type;                                \
        static double get(Type x) { return to_double; }   \
        static Type put(double x) { return from_double; } \
    };
CE_STORAGE(f16, std::uint16_t, from_half(x), to_half(x))
CE_STORAGE(bf16, std::uint16_t, from_bfloat(x), to_bfloat(x))
CE_STORAGE(f32, float, x, (float)x)
CE_STORAGE(f64, double, x, x)
CE_STORAGE(u8, std::uint8_t, x, (Type)x)
CE_STORAGE(i8, std::int8_t, x, (Type)x)
CE_STORAGE(u16, std::uint16_t, x, (Type)x)
CE_STORAGE(i16, std::int16_t, x, (Type)x)
CE_STORAGE(u32, std::uint32_t, x, (Type)x)
CE_STORAGE(i32, std::int32_t, x, (Type)x)
CE_STORAGE(u64, std::uint64_t, (double)x, (Type)x)
CE_STORAGE(i64, std::int64_t, (double)x, (Type)x)
#undef CE_STORAGE

// Calls f with the storage of a dtype known only at run time.
template <class F>
inline auto with_storage(DType dtype, F f) {
    switch (dtype) {
        case DType::f16:
            return f(Storage<DType::f16>{});
        case DType::bf16:
            return f(Storage<DType::bf16>{});
        case DType::f32:
            return f(Storage<DType::f32>{});
        case DType::u8:
            return f(Storage<DType::u8>{});
        case DType::i8:
            return f(Storage<DType::i8>{});
        case DType::u16:
            return f(Storage<DType::u16>{});
        case DType::i16:
            return f(Storage<DType::i16>{});
        case DType::u32:
            return f(Storage<DType::u32>{});
        case DType::i32:
            return f(Storage<DType::i32>{});
        case DType::u64:
            return f(Storage<DType::u64>{});
        case DType::i64:
            return f(Storage<DType::i64>{});
        default:
            return f(Storage<DType::f64>{});
    }
}

// Columns [first, first + count) of a row into out.
inline void load_row(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, double *out) {
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        const auto *p = (const typename S::Type *)view.data + view.offset(row) + first * view.col_stride;
        const std::int64_t stride = view.col_stride;
        if (stride == 1)
            for (std::int64_t j = 0; j < count; ++j) out[j] = S::get(p[j]);
        else
            for (std::int64_t j = 0; j < count; ++j) out[j] = S::get(p[j * stride]);
    });
}

inline void store_row(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, const double *in) {
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        auto *p = (typename S::Type *)view.data + view.offset(row) + first * view.col_stride;
        const std::int64_t stride = view.col_stride;
        if (stride == 1)
            for (std::int64_t j = 0; j < count; ++j) p[j] = S::put(in[j]);
        else
            for (std::int64_t j = 0; j < count; ++j) p[j * stride] = S::put(in[j]);
    });
}

// The single column of rows [first, first + count).
inline void store_column(const View &view, std::int64_t first, std::int64_t count, const double *in) {
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        auto *p = (typename S::Type *)view.data;
        if (view.dims == 1 && view.stride[0] == 1)
            for (std::int64_t l = 0; l < count; ++l) p[first + l] = S::put(in[l]);
        else
            for (std::int64_t l = 0; l < count; ++l) p[view.offset(first + l)] = S::put(in[l]);
    });
}

inline double element(const View &view, std::int64_t row, std::int64_t col) {
    return with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        return S::get(((const typename S::Type *)view.data)[view.offset(row) + col * view.col_stride]);
    });
}

// An integer element. An unsigned value beyond int64 does not fit, and is no label of any class.
struct Label {
    std::int64_t value;
    bool fits;
};

template <class Type>
inline Label as_label(Type x) {
    const std::int64_t value = (std::int64_t)x;
    return {value, !(sizeof(Type) == 8 && (Type)-1 > 0 && value < 0)};
}

inline Label label(const View &view, std::int64_t row, std::int64_t col = 0) {
    return with_storage(view.dtype, [&](auto storage) {
        const auto *p = (const typename decltype(storage)::Type *)view.data;
        return as_label(p[view.offset(row) + col * view.col_stride]);
    });
}

}  // namespace crossentropy::CE_ISA
