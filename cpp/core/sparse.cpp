// The loss of a linear model of sparse features in one pass. A block of rows is read twice: for its logits, whose loss
// and slopes are made in place, each thread some rows; and for the products of slopes and features, each thread some
// columns.
#include "sparse.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "chunks.hpp"
#include "kernels.hpp"
#include "parallel.hpp"
#include "parts.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

namespace {

// Slopes of a block stay in the second cache of each core, or nearly; a group of its rows is what a thread takes at
// once.
constexpr std::int64_t block_bytes = 1 << 21, group_rows = 64;

template <class T, class Problem>
Weighed pass(const Problem &p, const SparseProblem &model) {
    const SparseFeatures &features = model.features;
    const std::int64_t classes = p.predictions.cols, cols = features.cols, tile = 512;
    const SparseReader<T> reader(features);
    const std::int64_t step = sparse_step(classes);
    T *coef = (T *)model.room, *gradient = coef + cols * step;
    const int threads = thread_count();

    const std::int64_t tiles = (cols + tile - 1) / tile;
    for_chunks(tiles, threads, [&](std::int64_t c, int) {
        for (std::int64_t d = c * tile; d < std::min(cols, (c + 1) * tile); ++d) {
            const double scale = features.scale ? features.scale[d] : 1.0;
            for (std::int64_t k = 0; k < classes; ++k) coef[d * step + k] = (T)(model.coef[k * cols + d] * scale);
            std::memset(gradient + d * step, 0, sizeof(T) * (std::size_t)step);
        }
    });

    std::vector<T> offset((std::size_t)step, T(0));
    for (std::int64_t k = 0; k < classes; ++k) offset[(std::size_t)k] = (T)model.intercept[k];
    const std::int64_t fitting = block_bytes / (std::int64_t)sizeof(T) / step / group_rows * group_rows;
    const std::int64_t block = std::max(fitting, group_rows), groups = block / group_rows;
    const Scratch slopes(1, 1, block * step), scratch(threads, 2, features.longest);
    T *z = (T *)slopes.array(0, 0);
    std::vector<Part> parts((std::size_t)groups);
    std::vector<double> column_sums((std::size_t)(groups * classes));

    Sum<double> sum;
    Finding finding;
    for (std::int64_t first = 0; first < features.rows; first += block) {
        const std::int64_t rows = std::min(block, features.rows - first), used = (rows + group_rows - 1) / group_rows;
        for_chunks(used, threads, [&](std::int64_t g, int thread) {
            std::int64_t *columns = (std::int64_t *)scratch.array(thread, 0);
            T *values = (T *)scratch.array(thread, 1);
            const std::int64_t begin = g * group_rows, end = std::min(rows, begin + group_rows);
            for (std::int64_t r = begin; r < end; ++r) {
                const std::int64_t count = reader.read(first + r, columns, values);
                std::memcpy(z + r * step, offset.data(), sizeof(T) * (std::size_t)step);
                over_classes(step, [&](auto eights, std::int64_t at) {
                    gather<eights.value>(columns, values, count, coef + at, step, z + r * step + at);
                });
            }
            const View view = block_of(z + begin * step, end - begin, classes, step);
            Results out;
            out.order = Order::gradient;
            out.derivative = view;
            const Weighed loss = run(part_of(p, first + begin, view), out);
            Part &part = parts[(std::size_t)g];
            part = Part{};
            part.sum.add(loss.total);
            part.finding = loss.finding;
            part.finding.row += first + begin;
            double *own = column_sums.data() + g * classes;
            std::fill(own, own + classes, 0.0);
            for (std::int64_t r = begin; r < end; ++r)
                for (std::int64_t k = 0; k < classes; ++k) own[k] += (double)z[r * step + k];
        });
        for (std::int64_t g = 0; g < used; ++g) {
            const Part &part = parts[(std::size_t)g];
            sum.add(part.sum);
            if (finding.fault == Fault::none) finding = part.finding;
            for (std::int64_t k = 0; k < classes; ++k)
                model.intercept_gradient[k] += column_sums[(std::size_t)(g * classes + k)];
        }
        for_chunks(features.parts, threads, [&](std::int64_t part, int thread) {
            std::int64_t *columns = (std::int64_t *)scratch.array(thread, 0);
            T *values = (T *)scratch.array(thread, 1);
            const std::int64_t begin = features.bounds[part], end = features.bounds[part + 1];
            for (std::int64_t r = 0; r < rows; ++r) {
                const std::int64_t count = reader.read_between(first + r, begin, end, columns, values);
                over_classes(step, [&](auto eights, std::int64_t at) {
                    scatter<eights.value>(columns, values, count, z + r * step + at, gradient + at, step);
                });
            }
        });
    }
    for_chunks(tiles, threads, [&](std::int64_t c, int) {
        for (std::int64_t d = c * tile; d < std::min(cols, (c + 1) * tile); ++d) {
            const double scale = features.scale ? features.scale[d] : 1.0;
            for (std::int64_t k = 0; k < classes; ++k)
                model.coef_gradient[k * cols + d] += scale * (double)gradient[d * step + k];
        }
    });
    return {total(sum), finding};
}

}  // namespace

Weighed run_sparse_rows(const RowProblem &p, const SparseProblem &model) {
    return model.single ? pass<float>(p, model) : pass<double>(p, model);
}
Weighed run_sparse_elements(const ElementProblem &p, const SparseProblem &model) {
    return model.single ? pass<float>(p, model) : pass<double>(p, model);
}

}  // namespace crossentropy::CE_ISA
