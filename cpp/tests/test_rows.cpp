// Rows through the table of kernels, on every instruction set: a worked number (float32 in, so to 1e-11), the same bits
// for any number of threads, faults found in row order, strides, and views whose offsets pass 2^31.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.hpp"
#include "instruction_sets.hpp"
#include "parallel.hpp"

using namespace crossentropy;

namespace {

View matrix(void *data, DType dtype, std::int64_t rows, std::int64_t cols) {
    View view;
    view.present = true;
    view.data = data;
    view.dtype = dtype;
    view.rows = rows;
    view.cols = cols;
    view.dims = 1;
    view.shape[0] = rows;
    view.stride[0] = cols;
    return view;
}

struct Case {
    std::vector<float> logits;
    std::vector<std::int64_t> labels;
    RowProblem problem;

    Case(std::int64_t rows, std::int64_t cols) : logits(rows * cols), labels(rows) {
        std::uint32_t state = 1;
        for (float &z : logits) z = (float)((state = state * 1664525u + 1013904223u) >> 8) / (1 << 21) - 4.0f;
        for (std::int64_t r = 0; r < rows; ++r) labels[r] = (r * 7919) % cols;
        problem.predictions = matrix(logits.data(), DType::f32, rows, cols);
        problem.targets = matrix(labels.data(), DType::i64, rows, 1);
    }
};

void worked_number() {
    Case c(1, 3);
    c.logits = {2.0f, -1.0f, 0.5f};
    c.labels = {0};
    const double expected = std::log1p(std::exp(-3.0) + std::exp(-1.5));
    const double single = kernels().run_rows(c.problem, {});
    CHECK(std::fabs(single - expected) <= 4 * 0x1p-26, "float32: loss %.17g, expected %.17g", single, expected);
    double logits[] = {2.0, -1.0, 0.5};
    c.problem.predictions = matrix(logits, DType::f64, 1, 3);
    const double loss = kernels().run_rows(c.problem, {});
    CHECK(std::fabs(loss - expected) <= 4 * 0x1p-55, "float64: loss %.17g, expected %.17g", loss, expected);
}

void same_bits_for_any_threads() {
    Case c(1000, 257);
    std::vector<float> first(c.logits.size()), gradient(c.logits.size());
    double sum = 0;
    for (int threads : {1, 2, 3, 16}) {
        set_thread_count(threads);
        Results out;
        out.order = Order::gradient;
        out.derivative = matrix(gradient.data(), DType::f32, 1000, 257);
        const double loss = kernels().run_rows(c.problem, out);
        if (threads == 1) first = gradient, sum = loss;
        CHECK(loss == sum, "%d threads: %.17g, one: %.17g", threads, loss, sum);
        CHECK(std::memcmp(first.data(), gradient.data(), 4 * first.size()) == 0, "%d threads: gradient differs",
              threads);
    }
}

void first_fault_in_row_order() {
    Case c(100000, 3);
    c.labels[70001] = 3;
    c.labels[70000] = -5;
    c.labels[99999] = 7;
    const Weighed w = kernels().weigh_rows(c.problem);
    CHECK(w.finding.fault == Fault::label_out_of_range && w.finding.row == 70000 && w.finding.value == -5, "row %lld",
          (long long)w.finding.row);
}

void strides() {
    Case c(6, 5), transposed(5, 6);
    for (int r = 0; r < 6; ++r)
        for (int j = 0; j < 5; ++j) transposed.logits[j * 6 + r] = c.logits[r * 5 + j];
    RowProblem p = c.problem;
    p.predictions = matrix(transposed.logits.data(), DType::f32, 6, 5);
    p.predictions.stride[0] = 1;
    p.predictions.col_stride = 6;
    CHECK(kernels().run_rows(p, {}) == kernels().run_rows(c.problem, {}), "Fortran order");
}

// Offsets are 64-bit: rows of a view that starts 2^33 elements before its data reach the right place. No such memory
// exists.
void offsets_past_two_to_31() {
    Case c(3, 4);
    View view = c.problem.predictions;
    const std::int64_t far = std::int64_t(1) << 33;
    view.dims = 2;
    view.shape[0] = 1, view.shape[1] = 3;
    view.stride[0] = far, view.stride[1] = 4;
    CHECK(view.offset(2) == 8, "offset %lld", (long long)view.offset(2));
    view.shape[0] = 3, view.shape[1] = 1;
    CHECK(view.offset(2) == 2 * far, "offset %lld", (long long)view.offset(2));
    view.dims = 1;
    view.stride[0] = far;
    CHECK(view.offset(1000) == 1000 * far, "offset %lld", (long long)view.offset(1000));
}

}  // namespace

int main() {
    for (const std::string &name : available()) {
        use_instruction_set(name);
        worked_number();
        same_bits_for_any_threads();
        first_fault_in_row_order();
        strides();
    }
    offsets_past_two_to_31();
    return failures;
}
