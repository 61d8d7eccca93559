// Features as the package passes them.
#pragma once

#include <mutex>
#include <vector>

#include "arrays.hpp"

namespace crossentropy {

using Doubles = nb::ndarray<nb::device::cpu, double, nb::c_contig>;
using Singles = nb::ndarray<nb::device::cpu, float, nb::c_contig>;
using SingleVector = nb::ndarray<nb::ro, nb::device::cpu, const float, nb::c_contig>;
using Numbers = nb::ndarray<nb::ro, nb::device::cpu, const std::int64_t, nb::ndim<1>, nb::c_contig>;

inline Features features_of(const Coded<Input> &features, const std::optional<Vector> &shift,
                            const std::optional<Vector> &scale) {
    Features f;
    f.view = view_of(features);
    require(f.view.given() && (f.view.dtype == DType::f32 || f.view.dtype == DType::f64),
            "features: rows of float32 or float64");
    f.shift = vector_of(shift, f.view.cols, "shift: one for each feature");
    f.scale = vector_of(scale, f.view.cols, "scale: one for each feature");
    require((f.shift == nullptr) == (f.scale == nullptr), "shift and scale: both or none");
    return f;
}

// Sparse features as a CSR matrix, checked once, and the room that a pass over them takes.
struct Sparse {
    SparseFeatures features;
    std::vector<std::int64_t> bounds;
    std::vector<double> room;
    std::vector<nb::object> arrays;
    std::mutex busy;  // one pass at a time has the room
};

}  // namespace crossentropy
