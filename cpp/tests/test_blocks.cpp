// Blocks of rows: the transpose, and every layout of every dtype in and out again, for the instruction set of this
// build.
#include <cmath>
#include <vector>

#include "blocks.hpp"
#include "check.hpp"
#include "runs.hpp"

using namespace crossentropy;
using namespace crossentropy::tests;

namespace {

void check_transpose() {
    Vec32 x[lanes32], y[lanes32];
    for (int i = 0; i < lanes32; ++i)
        for (int j = 0; j < lanes32; ++j) x[i][j] = y[i][j] = (float)(i * lanes32 + j);
    transpose(y);
    for (int i = 0; i < lanes32; ++i)
        for (int j = 0; j < lanes32; ++j) CHECK(y[j][i] == x[i][j], "lane %d of vector %d", j, i);
    transpose(y);
    for (int i = 0; i < lanes32; ++i)
        for (int j = 0; j < lanes32; ++j) CHECK(y[i][j] == x[i][j], "lane %d of vector %d, twice", j, i);
}

enum class Layout { rows, padded, reversed, every_other_class, classes_first, middle, two_axes };
const char *const layout_names[] = {"rows",          "padded", "reversed", "every other class",
                                    "classes first", "middle", "two axes"};

// An array of a dtype with room for its elements and no more, so that a sanitizer sees what lies beyond.
struct Array {
    View view;
    std::vector<char> memory;

    Array(Layout layout, DType dtype, std::int64_t rows, std::int64_t cols) {
        const std::int64_t outer = rows % 3 == 0 ? 3 : 1, inner = rows / outer;
        view.present = true;
        view.dtype = dtype;
        view.rows = rows;
        view.cols = cols;
        view.dims = 1;
        view.shape[0] = rows;
        view.stride[0] = cols;
        std::int64_t start = 0, last = rows * cols;
        switch (layout) {
            case Layout::rows:
                break;
            case Layout::padded:
                view.stride[0] = cols + 3;
                last = (rows - 1) * (cols + 3) + cols;
                break;
            case Layout::reversed:
                view.stride[0] = -cols;
                start = (rows - 1) * cols;
                break;
            case Layout::every_other_class:
                view.col_stride = 2;
                view.stride[0] = 2 * cols;
                last = 2 * rows * cols - 1;
                break;
            case Layout::classes_first:
                view.col_stride = rows;
                view.stride[0] = 1;
                break;
            case Layout::middle:  // (outer, cols, inner)
                view.dims = 2;
                view.shape[0] = outer;
                view.stride[0] = cols * inner;
                view.shape[1] = inner;
                view.stride[1] = 1;
                view.col_stride = inner;
                break;
            case Layout::two_axes:  // rows of outer × inner, the outer apart by a gap
                view.dims = 2;
                view.shape[0] = outer;
                view.stride[0] = inner * cols + 5;
                view.shape[1] = inner;
                view.stride[1] = cols;
                last = outer * (inner * cols + 5) - 5;
                break;
        }
        const std::int64_t size = dtype == DType::f64 ? 8 : dtype == DType::f32 ? 4 : 2;
        memory.assign((std::size_t)(last * size), 0x11);
        view.data = memory.data() + start * size;
    }

    // A number that every dtype holds.
    static double value(std::int64_t row, std::int64_t col) { return (double)((row * 31 + col * 7) % 251) - 100; }

    void put(std::int64_t row, std::int64_t col, double x) { crossentropy::tests::store_row(view, row, col, 1, &x); }
    void fill() {
        for (std::int64_t r = 0; r < view.rows; ++r)
            for (std::int64_t c = 0; c < view.cols; ++c) put(r, c, value(r, c));
    }
};

// The blocks of one array, filled from another of perhaps another layout, and written to it again.
void round_trip(Layout cut, Layout layout, DType dtype, std::int64_t rows, std::int64_t cols) {
    const Array shape(cut, DType::f32, rows, cols);
    Array from(layout, dtype, rows, cols), to(layout, dtype, rows, cols), single(layout, dtype, rows, cols);
    from.fill();
    const Blocks blocks(shape.view);
    std::vector<float> z((std::size_t)blocks.floats()), staging((std::size_t)blocks.staging());
    std::int64_t wrong = 0, beyond = 0, next = 0;
    for (std::int64_t b = 0; b < blocks.count(); ++b) {
        const std::int64_t first = blocks.first(b), count = blocks.rows(b);
        CHECK(first == next && count > 0 && count <= blocks.width(), "block %d", (int)b);
        next = first + count;
        for (float &x : z) x = NAN;
        blocks.load(from.view, first, count, z.data(), staging.data());
        const std::int64_t padded = (count + lanes32 - 1) / lanes32 * lanes32;
        for (std::int64_t c = 0; c < cols; ++c) {
            const float *plane = z.data() + c * blocks.pitch();
            for (std::int64_t l = 0; l < count; ++l) wrong += plane[l] != Array::value(first + l, c);
            for (std::int64_t l = count; l < padded; ++l) beyond += plane[l] != 0;
        }
        blocks.store(to.view, first, count, z.data(), staging.data());
        for (std::int64_t l = 0; l < count; ++l) blocks.store_row(single.view, first + l, l, z.data(), staging.data());
    }
    const char *cut_name = layout_names[(int)cut], *name = layout_names[(int)layout];
    const int r = (int)rows, c = (int)cols;
    CHECK(next == rows, "%s: blocks end at row %d of %d", cut_name, (int)next, r);
    CHECK(wrong == 0, "%s as %s, %d rows of %d: %d elements wrong", name, cut_name, r, c, (int)wrong);
    CHECK(beyond == 0, "%s as %s, %d rows of %d: %d lanes beyond not 0", name, cut_name, r, c, (int)beyond);
    CHECK(to.memory == from.memory, "%s as %s, %d rows of %d: written wrong", name, cut_name, r, c);
    CHECK(single.memory == from.memory, "%s as %s, %d rows of %d: rows written wrong", name, cut_name, r, c);
}

}  // namespace

int main() {
    if (!machine_runs_this()) return skipped;
    check_transpose();
    constexpr int layouts = 7;
    for (int cut = 0; cut < layouts; ++cut)
        for (int layout = 0; layout < layouts; ++layout)
            for (const DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
                for (std::int64_t cols = 1; cols <= 40; ++cols)
                    for (const std::int64_t rows : {1, 2, 21, 67})
                        round_trip((Layout)cut, (Layout)layout, dtype, rows, cols);
                round_trip((Layout)cut, (Layout)layout, dtype, 1537, 3);  // more than one block
                round_trip((Layout)cut, (Layout)layout, dtype, 603, 129);
                round_trip((Layout)cut, (Layout)layout, dtype, 35, 1000);
            }
    return failures;
}
