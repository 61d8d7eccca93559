// Sparse rows of features: one row read, and its products with the numbers of its columns, those of all classes side by
// side.
#pragma once

#include <type_traits>

#include "dtypes.hpp"

namespace crossentropy::CE_ISA {

// One row, as numbers of type T and columns of one type.
template <class T>
class SparseReader {
  public:
    explicit SparseReader(const SparseFeatures &features) : features_(features) {}

    std::int64_t read(std::int64_t row, std::int64_t *columns, T *values) const {
        const std::int64_t first = features_.starts[row], count = features_.starts[row + 1] - first;
        convert<std::int32_t, std::int64_t>(features_.columns, DType::i32, first, count, columns);
        convert<float, double>(features_.values, DType::f32, first, count, values);
        return count;
    }

    // A row that will be read soon.
    void ask(std::int64_t row) const {
        for (const View *view : {&features_.columns, &features_.values}) {
            const std::int64_t size = view->dtype == DType::i32 || view->dtype == DType::f32 ? 4 : 8;
            const char *data = (const char *)view->data;
            for (std::int64_t at = features_.starts[row] * size; at < features_.starts[row + 1] * size; at += 64)
                __builtin_prefetch(data + at);
        }
    }

    // Only what lies in columns from `begin` to `end`.
    std::int64_t read_between(std::int64_t row, std::int64_t begin, std::int64_t end, std::int64_t *columns,
                              T *values) const {
        const std::int64_t count = read(row, columns, values);
        std::int64_t kept = 0;
        for (std::int64_t j = 0; j < count; ++j) {  // without a branch: which columns they are cannot be foreseen
            const std::int64_t column = columns[j];
            columns[kept] = column;
            values[kept] = values[j];
            kept += column >= begin && column < end;
        }
        return kept;
    }

  private:
    template <class Narrow, class Wide, class To>
    static void convert(const View &view, DType narrow, std::int64_t first, std::int64_t count, To *out) {
        if (view.dtype == narrow) {
            const Narrow *p = (const Narrow *)view.data + first;
            for (std::int64_t j = 0; j < count; ++j) out[j] = (To)p[j];
        } else {
            const Wide *p = (const Wide *)view.data + first;
            for (std::int64_t j = 0; j < count; ++j) out[j] = (To)p[j];
        }
    }

    SparseFeatures features_;
};

// Classes are taken eight at a time, and up to eight such at once, so that a column's are asked of memory together.
template <class T>
struct Eight {
    typedef T Vector __attribute__((vector_size(8 * sizeof(T))));
    static Vector load(const T *p) {
        Vector v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(T *p, Vector v) { __builtin_memcpy(p, &v, sizeof v); }
};

// How many elements ahead the coefficients of a column are asked for.
constexpr std::int64_t ahead = 12;

template <int eights, class T>
void ask(const T *p) {
    for (int line = 0; line < (int)(8 * eights * sizeof(T) + 63) / 64; ++line)
        __builtin_prefetch(p + line * (64 / sizeof(T)));
}

// z += Σ values·coef of their columns, for some classes side by side.
template <int eights, class T>
void gather(const std::int64_t *columns, const T *values, std::int64_t count, const T *coef, std::int64_t step, T *z) {
    using V = Eight<T>;
    typename V::Vector sum[eights];
    for (int v = 0; v < eights; ++v) sum[v] = V::load(z + 8 * v);
    for (std::int64_t j = 0; j < count; ++j) {
        if (j + ahead < count) ask<eights>(coef + columns[j + ahead] * step);
        const T *at = coef + columns[j] * step;
        for (int v = 0; v < eights; ++v) sum[v] += values[j] * V::load(at + 8 * v);
    }
    for (int v = 0; v < eights; ++v) V::store(z + 8 * v, sum[v]);
}

// gradient of the columns += values·z, for some classes side by side.
template <int eights, class T>
void scatter(const std::int64_t *columns, const T *values, std::int64_t count, const T *z, T *gradient,
             std::int64_t step) {
    using V = Eight<T>;
    typename V::Vector slope[eights];
    for (int v = 0; v < eights; ++v) slope[v] = V::load(z + 8 * v);
    for (std::int64_t j = 0; j < count; ++j) {
        if (j + ahead < count) ask<eights>(gradient + columns[j + ahead] * step);
        T *at = gradient + columns[j] * step;
        for (int v = 0; v < eights; ++v) V::store(at + 8 * v, V::load(at + 8 * v) + values[j] * slope[v]);
    }
}

// f(eights, first class) over `step` classes, a multiple of eight.
template <class F>
void over_classes(std::int64_t step, F f) {
    std::int64_t at = 0;
    for (; at + 64 <= step; at += 64) f(std::integral_constant<int, 8>(), at);
    if (at + 32 <= step) f(std::integral_constant<int, 4>(), at), at += 32;
    switch ((step - at) / 8) {
        case 3:
            return f(std::integral_constant<int, 3>(), at);
        case 2:
            return f(std::integral_constant<int, 2>(), at);
        case 1:
            return f(std::integral_constant<int, 1>(), at);
    }
}

}  // namespace crossentropy::CE_ISA
