// The loss of one row in float64, whatever the options and the dtypes: what the faster ways fall back on, row by row.
#pragma once

#include "chunks.hpp"
#include "dtypes.hpp"
#include "problem.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

// One thread's view of a problem: the work space it computes a row in.
struct Worker {
    enum Array {
        logits,
        exponentials,
        gaps,
        slopes,
        flags,
        target,
        shares,
        work_b,
        work_c,
        direction,
        output,
        array_count
    };

    const RowProblem &p;
    const Results &out;
    const Scratch &scratch;
    int thread;

    // The row's loss; its derivative is written, the loss is not. A row that is dropped has loss and derivative 0.
    double run(std::int64_t r) const;

    double *array(Array which) const { return scratch.array(thread, which); }
    std::int64_t classes() const { return p.predictions.cols; }
    bool wants_derivative() const { return out.order != Order::value; }

  private:
    void store(std::int64_t r) const;
    void store_constant(std::int64_t r, double x) const;
    double softmax_row(std::int64_t r) const;
    double pointwise_row(std::int64_t r) const;
};

// The losses of rows [begin, end) added up, and written where each has its place.
template <class F>
Part add_losses(const Results &out, std::int64_t begin, std::int64_t end, F loss_of) {
    Part part;
    for (std::int64_t r = begin; r < end; ++r) {
        const double loss = loss_of(r);
        if (out.losses.given()) store_row(out.losses, r, 0, 1, &loss);
        part.sum.add(loss);
    }
    return part;
}

}  // namespace crossentropy::CE_ISA
