// Matrices of any layout for tests, with NaN between their rows, and numbers to fill them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "problem.hpp"

namespace crossentropy::CE_ISA {

using Doubles = std::vector<double>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

enum class Layout { rows, padded_rows, columns };

// A matrix of float32 or float64 whose memory holds NaN wherever it has no element of its own.
struct Matrix {
    std::vector<float> singles;
    Doubles doubles;
    View view;

    Matrix(const Matrix &) = delete;
    Matrix(std::int64_t rows, std::int64_t cols, DType dtype, Layout layout) {
        view.present = true;
        view.dtype = dtype;
        view.rows = view.shape[0] = rows;
        view.cols = cols;
        view.dims = 1;
        view.stride[0] = layout == Layout::rows ? cols : layout == Layout::padded_rows ? cols + 3 : 1;
        view.col_stride = layout == Layout::columns ? rows + 2 : 1;
        // without padding, memory ends where the matrix does: a sanitizer sees what is read beyond
        const std::size_t size =
            (std::size_t)(layout == Layout::columns ? view.col_stride * cols : view.stride[0] * rows);
        if (dtype == DType::f32)
            singles.assign(size, (float)not_a_number), view.data = singles.data();
        else
            doubles.assign(size, not_a_number), view.data = doubles.data();
    }

    Matrix(std::int64_t rows, std::int64_t cols, DType dtype, Layout layout, const Doubles &values)
        : Matrix(rows, cols, dtype, layout) {
        for (std::int64_t i = 0; i < rows * cols; ++i)
            if (dtype == DType::f32)
                singles[place(i)] = (float)values[(std::size_t)i];
            else
                doubles[place(i)] = values[(std::size_t)i];
    }

    // Where element i in C order lies.
    std::size_t place(std::int64_t i) const {
        return (std::size_t)(view.offset(i / view.cols) + i % view.cols * view.col_stride);
    }
    double at(std::size_t place) const { return singles.empty() ? doubles[place] : (double)singles[place]; }

    Doubles values() const {
        Doubles all((std::size_t)(view.rows * view.cols));
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = at(place((std::int64_t)i));
        return all;
    }

    // Whether the memory beside the elements is as it was.
    bool padding_is_untouched() const {
        std::vector<bool> own(singles.size() + doubles.size());
        for (std::int64_t i = 0; i < view.rows * view.cols; ++i) own[place(i)] = true;
        for (std::size_t i = 0; i < own.size(); ++i)
            if (!own[i] && !std::isnan(at(i))) return false;
        return true;
    }
};

// Numbers that float32 holds.
inline Doubles random_numbers(std::int64_t count, std::uint32_t seed, double low, double high) {
    Doubles numbers((std::size_t)count);
    std::uint32_t state = seed;
    for (double &x : numbers) {
        state = state * 1664525u + 1013904223u;
        x = (double)(float)(low + (high - low) * (state >> 8) * 0x1p-24);
    }
    return numbers;
}

}  // namespace crossentropy::CE_ISA
