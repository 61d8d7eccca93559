// What a target gives to the classes beside its label, in float32: the row of shares that smoothing and soft targets
// spread over them.
#pragma once

#include <vector>

#include "floats.hpp"
#include "targets.hpp"

namespace crossentropy::CE_ISA {

// Nothing, the same to each, or a row of its own.
enum class Spread { none, even, rows };

inline Spread spread_of(const RowProblem &p) {
    if (p.kind == TargetKind::soft) return Spread::rows;
    if (p.smoothing == 0) return Spread::none;
    return p.class_weight || p.mask.given() ? Spread::rows : Spread::even;
}

struct KeptClasses {
    const std::uint8_t *flags = nullptr;  // null: all
    std::int64_t stride = 1;

    KeptClasses(const View &mask, std::int64_t row) {
        if (!mask.given()) return;
        flags = (const std::uint8_t *)mask.data + mask.offset(mask.rows == 1 ? 0 : row);
        stride = mask.col_stride;
    }
    bool operator()(std::int64_t c) const { return !flags || flags[c * stride] != 0; }
    std::int64_t count(std::int64_t classes) const {
        if (!flags) return classes;
        std::int64_t kept = 0;
        for (std::int64_t c = 0; c < classes; ++c) kept += flags[c * stride] != 0;
        return kept;
    }
};

// What smoothing adds to each class that is kept.
inline float even_share(const RowProblem &p, const KeptClasses &kept) {
    const std::int64_t count = p.smoothing != 0 ? kept.count(p.predictions.cols) : 0;
    return count > 0 ? (float)(p.smoothing / (double)count) : 0.0f;
}

// w_c·((1-ε)·t_c + ε/K'), without the label's own part for index targets.
inline void fill_shares(const RowProblem &p, std::int64_t r, float *share) {
    const std::int64_t classes = p.predictions.cols;
    const KeptClasses kept(p.mask, r);
    const float even = even_share(p, kept), own = (float)(1.0 - p.smoothing);
    if (p.kind == TargetKind::soft)
        load_floats(p.targets, r, 0, classes, share);
    else
        for (std::int64_t c = 0; c < classes; ++c) share[c] = 0;
    for (std::int64_t c = 0; c < classes && p.smoothing != 0; ++c) share[c] = own * share[c] + (kept(c) ? even : 0.0f);
    for (std::int64_t c = 0; c < classes && p.class_weight; ++c) share[c] *= (float)p.class_weight[c];
}

// The shares where they are the same row for all, else nothing.
inline std::vector<float> common_shares(const RowProblem &p) {
    std::vector<float> share;
    if (p.kind == TargetKind::soft || spread_of(p) != Spread::rows || p.mask.rows > 1) return share;
    share.resize((std::size_t)p.predictions.cols);
    fill_shares(p, 0, share.data());
    return share;
}

inline bool moderate(double x) { return x == 0 || (x > 0x1p-60 && x < 0x1p60); }

// Whether float32 holds the problem's numbers; single rows may still prove too wild.
inline bool fits_single(const RowProblem &p, const Results &out) {
    const bool label_only = p.kind == TargetKind::index && p.smoothing == 0;
    const bool on_logits =
        p.family == RowFamily::softmax_cross_entropy || (p.family == RowFamily::softmax_kl_divergence && label_only);
    if (!on_logits || p.kind == TargetKind::sparse || !ends_in_single(p, out)) return false;
    if (p.softcap != 0 || !(p.temperature > 0x1p-10 && p.temperature < 0x1p10)) return false;
    if (p.focal_gamma != 0 && !label_only) return false;
    if (p.kind == TargetKind::soft && p.targets.dtype == DType::f64) return false;
    for (std::int64_t c = 0; c < p.predictions.cols && p.class_weight; ++c)
        if (!moderate(p.class_weight[c]) || (p.smoothing != 0 && p.class_weight[c] == 0)) return false;
    return true;
}

}  // namespace crossentropy::CE_ISA
