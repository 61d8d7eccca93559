// Pieces of matrix products in the shape that a linear model's pass needs: tiles of registers, panels, groups of rows.
#pragma once

#include "single.hpp"

namespace crossentropy::CE_ISA {

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
    using Vector = Vec32;
    static constexpr int count = lanes32;
    static Vector splat(float x) { return splat32(x); }
    static Vector load(const float *p) { return load32(p); }
};
template <>
struct Lanes<double> {
    using Vector = Vec;
    static constexpr int count = lanes;
    static Vector splat(double x) { return CE_ISA::splat(x); }
    static Vector load(const double *p) { return CE_ISA::load(p); }
};

// A tile has so many rows, of up to two vectors each: as many sums as there are registers to hold them.
#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int tile_rows = 12;
#else
constexpr int tile_rows = 6;
#endif

template <class T, int vectors>
using Tile = typename Lanes<T>::Vector[tile_rows][vectors];

// tile[m] += Σ_i a[m·a_row + i]·b[i·b_step ...]: rows of `a` against a panel.
template <class T, int vectors>
__attribute__((always_inline)) inline void add_rows(const T *a, std::int64_t a_row, const T *b, std::int64_t b_step,
                                                    std::int64_t count, Tile<T, vectors> &tile) {
    using L = Lanes<T>;
    const T *at[tile_rows / 3];  // three rows from each pointer: more would not fit the registers
    for (int m = 0; m < tile_rows / 3; ++m) at[m] = a + 3 * m * a_row;
    for (std::int64_t i = 0; i < count; ++i) {
        typename L::Vector x[vectors];
        for (int v = 0; v < vectors; ++v) x[v] = L::load(b + v * L::count);
        for (int m = 0; m < tile_rows / 3; ++m)
            for (int l = 0; l < 3; ++l) {
                const typename L::Vector s = L::splat(at[m][l * a_row]);
                for (int v = 0; v < vectors; ++v) tile[3 * m + l][v] = fma(s, x[v], tile[3 * m + l][v]);
            }
        for (int m = 0; m < tile_rows / 3; ++m) ++at[m];
        b += b_step;
    }
}

// tile[m] += Σ_i a[m + i·a_step]·b[i·b_step ...]: columns of `a` against columns of `b`.
template <class T, int vectors>
__attribute__((always_inline)) inline void add_columns(const T *a, std::int64_t a_step, const T *b, std::int64_t b_step,
                                                       std::int64_t count, Tile<T, vectors> &tile) {
    using L = Lanes<T>;
    for (std::int64_t i = 0; i < count; ++i) {
        typename L::Vector x[vectors];
        for (int v = 0; v < vectors; ++v) x[v] = L::load(b + v * L::count);
        for (int m = 0; m < tile_rows; ++m) {
            const typename L::Vector s = L::splat(a[m]);
            for (int v = 0; v < vectors; ++v) tile[m][v] = fma(s, x[v], tile[m][v]);
        }
        a += a_step;
        b += b_step;
    }
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
