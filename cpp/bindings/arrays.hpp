// Arrays as the package passes them, and as the core sees them.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "problem.hpp"

namespace crossentropy {

namespace nb = nanobind;

using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;
using Vector = nb::ndarray<nb::ro, nb::device::cpu, const double, nb::c_contig>;

constexpr int dtype_count = 12;
constexpr int bytes_of[dtype_count] = {2, 2, 4, 8, 1, 1, 2, 2, 4, 4, 8, 8};

inline void require(bool condition, const char *what) {
    if (!condition) throw std::invalid_argument(what);
}

// Leading axes collapsed where one stride serves both. `columns`: the last axis is the classes; else each element is a
// row.
template <class Array>
View view_of(const Array &array, int dtype, bool columns = true) {
    require(dtype >= 0 && dtype < dtype_count, "unknown dtype code");
    require((int)array.itemsize() == bytes_of[dtype], "dtype code and item size differ");
    const int ndim = (int)array.ndim(), leading = columns ? ndim - 1 : ndim;
    require(leading >= 0 && leading <= max_leading_dims, "too many dimensions");
    View view;
    view.present = true;
    view.data = const_cast<void *>((const void *)array.data());
    view.dtype = (DType)dtype;
    view.cols = columns ? (std::int64_t)array.shape(leading) : 1;
    view.col_stride = columns ? array.stride(leading) : 1;
    view.rows = 1;
    for (int d = 0; d < leading; ++d) {
        const std::int64_t size = (std::int64_t)array.shape(d), stride = array.stride(d);
        view.rows *= size;
        if (size == 1) continue;
        const int last = view.dims - 1;
        if (view.dims > 0 && view.stride[last] == stride * size) {
            view.shape[last] *= size;
            view.stride[last] = stride;
        } else {
            view.shape[view.dims] = size;
            view.stride[view.dims] = stride;
            ++view.dims;
        }
    }
    if (view.dims == 0) {
        view.dims = 1;
        view.shape[0] = 1;
        view.stride[0] = 0;
    }
    return view;
}

inline void same_shape(const View &a, const View &b, const char *what) {
    require(a.rows == b.rows && a.cols == b.cols, what);
}

inline const double *vector_of(const std::optional<Vector> &vector, std::int64_t size, const char *what) {
    if (!vector) return nullptr;
    require((std::int64_t)vector->size() == size, what);
    return vector->data();
}

// An array and its dtype code, as the package passes them; None is an absent one.
template <class Array>
using Coded = std::optional<std::pair<Array, int>>;

template <class Array>
View view_of(const Coded<Array> &array, bool columns = true) {
    return array ? view_of(array->first, array->second, columns) : View{};
}

inline bool holds_floats(const View &view) { return view.dtype <= DType::f64; }

}  // namespace crossentropy
