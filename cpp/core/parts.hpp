// A problem's rows in parts, whose logits are made as they are needed.
#pragma once

#include "kernels.hpp"

namespace crossentropy::CE_ISA {

inline View rows_of(const View &view, std::int64_t first, std::int64_t count) {
    View part = view;
    if (!view.given() || view.rows == 1) return part;
    constexpr std::int64_t bytes[] = {2, 2, 4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
    part.data = (char *)view.data + first * view.stride[0] * bytes[(int)view.dtype];
    part.rows = part.shape[0] = count;
    return part;
}

inline RowProblem part_of(const RowProblem &p, std::int64_t first, const View &logits) {
    RowProblem part = p;
    part.predictions = logits;
    part.targets = rows_of(p.targets, first, logits.rows);
    part.probabilities = rows_of(p.probabilities, first, logits.rows);
    part.mask = rows_of(p.mask, first, logits.rows);
    if (p.sample_weight) part.sample_weight = p.sample_weight + first;
    return part;
}

inline ElementProblem part_of(const ElementProblem &p, std::int64_t first, const View &logits) {
    ElementProblem part = p;
    part.predictions = logits;
    part.targets = rows_of(p.targets, first, logits.rows);
    part.element_weight = rows_of(p.element_weight, first, logits.rows);
    if (p.row_weight) part.row_weight = p.row_weight + first;
    return part;
}

inline Weighed run(const RowProblem &p, const Results &out) { return {run_rows(p, out), {}}; }
inline Weighed run(const ElementProblem &p, const Results &out) { return run_elements(p, out); }

template <class T>
View block_of(T *data, std::int64_t rows, std::int64_t cols, std::int64_t row_step) {
    View view;
    view.present = true;
    view.data = data;
    view.dtype = sizeof(T) == 4 ? DType::f32 : DType::f64;
    view.rows = view.shape[0] = rows;
    view.cols = cols;
    view.dims = 1;
    view.stride[0] = row_step;
    return view;
}

}  // namespace crossentropy::CE_ISA
