// Pieces of matrix products in the shape that a linear model's pass needs: tiles of registers, sums across lanes.
#pragma once

#include <utility>

#include "single.hpp"

namespace crossentropy::CE_ISA {

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
    using Vector = Vec32;
    using Numbers = Bits32;
    static constexpr int count = lanes32;
    static Vector splat(float x) { return splat32(x); }
    static Vector load(const float *p) { return load32(p); }
};
template <>
struct Lanes<double> {
    using Vector = Vec;
    using Numbers = Bits;
    static constexpr int count = lanes;
    static Vector splat(double x) { return CE_ISA::splat(x); }
    static Vector load(const double *p) { return CE_ISA::load(p); }
};

// A tile has up to so many rows of so many vectors each: as many sums as there are registers to hold them.
constexpr int tile_rows = 6;
#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int tile_vectors = 4;
#else
constexpr int tile_vectors = 2;
#endif

// Of fewer vectors it may have more rows.
constexpr int rows_beside(int vectors) { return vectors == 1 ? 12 : tile_rows * tile_vectors / vectors; }

// A multiple of all tiles' rows.
constexpr std::int64_t row_unit = 48;

template <class T, int rows, int vectors>
using Tile = typename Lanes<T>::Vector[rows][vectors];

// f(n) with n, from 1 to `most`, as a constant.
template <int most, class F>
__attribute__((always_inline)) inline void with_constant(std::int64_t n, F f) {
    if constexpr (most > 1)
        if (n < most) return with_constant<most - 1>(n, f);
    f(std::integral_constant<int, most>());
}

// tile[m] += Σ_i a[m·a_row + i·a_step]·b[i·b_step ...]
template <class T, int rows, int vectors>
__attribute__((always_inline)) inline void add_products(const T *a, std::int64_t a_row, std::int64_t a_step, const T *b,
                                                        std::int64_t b_step, std::int64_t count,
                                                        Tile<T, rows, vectors> &tile) {
    using L = Lanes<T>;
    const T *at[(rows + 2) / 3];  // three rows from each pointer: more would not fit the registers
    for (int m = 0; m < rows; m += 3) at[m / 3] = a + m * a_row;
    for (std::int64_t i = 0; i < count; ++i) {
        typename L::Vector x[vectors];
        for (int v = 0; v < vectors; ++v) x[v] = L::load(b + v * L::count);
        for (int m = 0; m < rows; ++m) {
            const typename L::Vector s = L::splat(at[m / 3][m % 3 * a_row]);
            for (int v = 0; v < vectors; ++v) tile[m][v] = fma(s, x[v], tile[m][v]);
        }
        for (int m = 0; m < rows; m += 3) at[m / 3] += a_step;
        b += b_step;
    }
}

// Which lane of two vectors, the second one's numbered on, goes to a lane of their sum: units of so many lanes are
// added to their neighbours, first all of the one vector, then of the other. Lanes are moved within 16 bytes, or in
// units of that: all else is slower.
template <class T, int unit>
constexpr int lane_of_pair(int lane, bool second) {
    constexpr int count = Lanes<T>::count, block = 16 / sizeof(T), span = unit == 1 ? block : count, half = span / 2;
    const int at = lane % half;
    return lane / span * span + at / unit * 2 * unit + at % unit + (second ? unit : 0) +
           (lane % span < half ? 0 : count);
}

template <class T, int unit, int... lane>
__attribute__((always_inline)) inline typename Lanes<T>::Vector add_neighbours(typename Lanes<T>::Vector a,
                                                                               typename Lanes<T>::Vector b,
                                                                               std::integer_sequence<int, lane...>) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, lane_of_pair<T, unit>(lane, false)...) +
           __builtin_shufflevector(a, b, lane_of_pair<T, unit>(lane, true)...);
#else
    using Numbers = typename Lanes<T>::Numbers;
    return __builtin_shuffle(a, b, Numbers{lane_of_pair<T, unit>(lane, false)...}) +
           __builtin_shuffle(a, b, Numbers{lane_of_pair<T, unit>(lane, true)...});
#endif
}

// Of as many vectors as there are lanes: lane l of the result is the sum over all lanes of vector l.
template <class T, int left = Lanes<T>::count / 2>
__attribute__((always_inline)) inline typename Lanes<T>::Vector sums_of(
    typename Lanes<T>::Vector (&x)[Lanes<T>::count]) {
    constexpr int count = Lanes<T>::count, block = 16 / sizeof(T);
    for (int i = 0; i < left; ++i)
        x[i] = add_neighbours<T, (left >= count / block ? 1 : block)>(x[2 * i], x[2 * i + 1],
                                                                      std::make_integer_sequence<int, count>());
    if constexpr (left > 1) sums_of<T, left / 2>(x);
    return x[0];
}

inline std::int64_t up_to_multiple(std::int64_t n, std::int64_t of) { return (n + of - 1) / of * of; }

// The step from row to row of an array that is read in columns, at least n: an odd number of cache lines, since a power
// of two would crowd few sets of the cache.
template <class T>
std::int64_t odd_lines(std::int64_t n) {
    constexpr std::int64_t line = 64 / (std::int64_t)sizeof(T);
    return ((n + line - 1) / line | 1) * line;
}

}  // namespace crossentropy::CE_ISA
