// Rows of few classes, one in each lane of a vector, so that short rows do not leave most of it empty. The mathematics
// is that of softmax.hpp; a row's result does not depend on its neighbours.
#pragma once

#include "dtypes.hpp"
#include "mathematics.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

constexpr std::int64_t widest_narrow_row = 128;  // above it, lanes along the classes are faster

// Rows [first, first + count) of a view to (cols, lanes) and back; lanes beyond them hold zeros.
inline void load_lanes(const View &view, std::int64_t first, std::int64_t count, double *out) {
    for (std::int64_t i = 0; count < lanes && i < view.cols * lanes; ++i) out[i] = 0;
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        const std::int64_t stride = view.col_stride;
        for (std::int64_t l = 0; l < count; ++l) {
            const auto *row = (const typename S::Type *)view.data + view.offset(first + l);
            for (std::int64_t j = 0; j < view.cols; ++j) out[j * lanes + l] = S::get(row[j * stride]);
        }
    });
}

inline void store_lanes(const View &view, std::int64_t first, std::int64_t count, const double *in) {
    with_storage(view.dtype, [&](auto storage) {
        using S = decltype(storage);
        const std::int64_t stride = view.col_stride;
        for (std::int64_t l = 0; l < count; ++l) {
            auto *row = (typename S::Type *)view.data + view.offset(first + l);
            for (std::int64_t j = 0; j < view.cols; ++j) row[j * stride] = S::put(in[j * lanes + l]);
        }
    });
}

struct NarrowSoftmax {
    double *e;    // (K, lanes): e^(z_j - z_top)
    double *gap;  // (K, lanes): z_j - z_top, or null
    std::int64_t classes;

    Vec largest, top, rest;  // of each lane
    Bits any_nan;            // among the logits
    Bits defined;            // not: a NaN, no class at all, or two classes at +inf

    // e holds the logits and is overwritten; at_target gets the logit of the class in `target`.
    void solve(Vec target, Vec &at_target) {
        largest = splat(-__builtin_inf());
        any_nan = Bits{};
        for (std::int64_t j = 0; j < classes; ++j) {
            const Vec z = load(e + j * lanes);
            largest = larger(z, largest);
            any_nan |= z != z;
        }
        top = Vec{};
        for (std::int64_t j = classes - 1; j >= 0; --j) {
            const Vec z = load(e + j * lanes);
            top = z == largest ? splat((double)j) : top;
            at_target = target == (double)j ? z : at_target;
        }
        Sum<Vec> others;
        for (std::int64_t j = 0; j < classes; ++j) {
            const Vec z = load(e + j * lanes);
            const Difference<Vec> d = difference(z, largest);
            const Vec power = exp_nonpositive(d.high, d.low);
            const Bits is_top = top == (double)j;
            if (gap) store(gap + j * lanes, is_top ? Vec{} : d.high);
            store(e + j * lanes, is_top ? splat(1.0) : power);
            others.add(is_top ? Vec{} : power);
        }
        rest = others.high + others.low;
        defined = (rest == rest) & (largest > -__builtin_inf());
    }
};

}  // namespace crossentropy::CE_ISA
