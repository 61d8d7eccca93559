// Stretches of rows as float32, from any dtype and back: what kernels in float32 lanes read and write.
#pragma once

#include <cstring>

#include "dtypes.hpp"
#include "single.hpp"

namespace crossentropy::CE_ISA {

// Results from this size on are written past the caches, which they would only sweep.
constexpr std::int64_t streamed_bytes = std::int64_t(1) << 23;

inline Vec32 halves_to_floats(const std::uint16_t *p) {
#if defined(__AVX512F__)
    return (Vec32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__AVX2__)
    return (Vec32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
    Vec32 x;
    for (int l = 0; l < lanes32; ++l) x[l] = (float)from_half(p[l]);
    return x;
#endif
}

inline void floats_to_halves(std::uint16_t *p, Vec32 x) {
#if defined(__AVX512F__)
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__AVX2__)
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int l = 0; l < lanes32; ++l) p[l] = to_half(x[l]);
#endif
}

using Shorts = std::uint16_t __attribute__((vector_size(2 * lanes32)));
using Words32 = std::uint32_t __attribute__((vector_size(4 * lanes32)));

inline Vec32 bfloats_to_floats(const std::uint16_t *p) {
#if defined(__AVX512F__)
    return (Vec32)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
#else
    Shorts bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return (Vec32)(__builtin_convertvector(bits, Words32) << 16);
#endif
}

inline void floats_to_bfloats(std::uint16_t *p, Vec32 x) {
    const Words32 bits = (Words32)x;
    const Words32 rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const Words32 found = x == x ? rounded : (Words32{} + 0x7fc0u);
#if defined(__AVX512F__)
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16((__m512i)found));
#else
    const Shorts shorts = __builtin_convertvector(found, Shorts);
    __builtin_memcpy(p, &shorts, sizeof shorts);
#endif
}

// Columns [first, first + count) of a row.
inline void load_floats(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, float *out) {
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        const std::int64_t stride = view.col_stride;
        const auto *p = (const typename S::Type *)view.data + view.offset(row) + first * stride;
        std::int64_t j = 0;
        if constexpr (sizeof(*p) == 2) {
            const bool half = view.dtype == DType::f16, bfloat = view.dtype == DType::bf16;
            if (stride == 1 && (half || bfloat))
                for (; j + lanes32 <= count; j += lanes32)
                    store(out + j, half ? halves_to_floats((const std::uint16_t *)p + j)
                                        : bfloats_to_floats((const std::uint16_t *)p + j));
        }
        if (stride == 1)
            for (; j < count; ++j) out[j] = (float)S::get(p[j]);
        else
            for (; j < count; ++j) out[j] = (float)S::get(p[j * stride]);
    });
}

// Bytes to memory, past the caches.
inline void stream_bytes(void *to, const void *from, std::int64_t count) {
    char *out = (char *)to;
    const char *in = (const char *)from;
    constexpr std::int64_t vector = sizeof(Vec32);
    std::int64_t j = (vector - (std::int64_t)((std::uintptr_t)out % vector)) % vector;
    if (j > count) j = count;
    std::memcpy(out, in, (std::size_t)j);
    for (; j + vector <= count; j += vector) stream((float *)(out + j), load32((const float *)(in + j)));
    std::memcpy(out + j, in + j, (std::size_t)(count - j));
}

inline void store_floats(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, const float *in) {
    const std::int64_t stride = view.col_stride;
    if (view.dtype == DType::f32 && stride == 1) {
        float *out = (float *)view.data + view.offset(row) + first;
        if (view.rows * view.cols >= streamed_bytes / 4)
            stream_bytes(out, in, 4 * count);
        else
            std::memcpy(out, in, 4 * (std::size_t)count);
        return;
    }
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        auto *p = (typename S::Type *)view.data + view.offset(row) + first * stride;
        std::int64_t j = 0;
        if constexpr (sizeof(*p) == 2) {
            const bool half = view.dtype == DType::f16, bfloat = view.dtype == DType::bf16;
            constexpr std::int64_t stretch = 1024;
            std::uint16_t converted[stretch];
            const bool streamed = view.rows * view.cols >= streamed_bytes / 2;
            while (stride == 1 && (half || bfloat) && j + lanes32 <= count) {
                const std::int64_t left = (count - j) / lanes32 * lanes32, size = left < stretch ? left : stretch;
                for (std::int64_t i = 0; i < size; i += lanes32)
                    half ? floats_to_halves(converted + i, load32(in + j + i))
                         : floats_to_bfloats(converted + i, load32(in + j + i));
                if (streamed)
                    stream_bytes(p + j, converted, 2 * size);
                else
                    std::memcpy(p + j, converted, 2 * (std::size_t)size);
                j += size;
            }
        }
        if (stride == 1)
            for (; j < count; ++j) p[j] = S::put(in[j]);
        else
            for (; j < count; ++j) p[j * stride] = S::put(in[j]);
    });
}

}  // namespace crossentropy::CE_ISA
