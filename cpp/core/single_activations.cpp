// Softmax, log-softmax and log-sum-exp in float32 lanes, for results of float32 or less: rows that are undefined or too
// wild for float32 are left to the float64 row.
#include "activations.hpp"
#include "chunks.hpp"
#include "kernels.hpp"
#include "single_narrow.hpp"
#include "single_wide.hpp"

namespace crossentropy::CE_ISA {

namespace {

// One thread's work on blocks of rows, one row in each lane.
class NarrowActivation {
  public:
    NarrowActivation(const ActivationProblem &p, const Exp32 &exp, const Blocks &blocks, float *memory)
        : p_(p),
          exp_(exp),
          blocks_(blocks),
          z_(memory),
          y_(z_ + blocks.floats()),
          other_(y_ + blocks.floats()),
          staging_(other_ + blocks.floats()) {}

    static std::int64_t floats(const Blocks &blocks) { return 3 * blocks.floats() + blocks.staging(); }

    // `other(row)` writes a row that float32 does not hold.
    template <class F>
    void run(std::int64_t block, F other) {
        const std::int64_t first = blocks_.first(block), count = blocks_.rows(block);
        blocks_.load(p_.input, first, count, z_, staging_);
        bool all_good = true;
        Bits32 good[Blocks::widest / lanes32];
        for (std::int64_t l = 0; l < count; l += lanes32) {
            good[l / lanes32] = solve(z_ + l, y_ + l);
            all_good &= !any(~good[l / lanes32] & (lane_numbers() < (std::int32_t)(count - l)));
        }
        if (all_good) return blocks_.store(p_.output, first, count, y_, staging_);
        for (std::int64_t l = 0; l < count; ++l) {
            if (good[l / lanes32][l % lanes32])
                blocks_.store_row(p_.output, first + l, l, y_, staging_);
            else
                other(first + l);
        }
    }

  private:
    Bits32 solve(const float *z, float *y) const {
        return p_.kind == Activation::softmax ? probabilities(z, y) : logarithms(z, y);
    }

    // The result of both: which rows float32 holds.
    Bits32 probabilities(const float *z, float *y) const {
        const std::int64_t classes = p_.input.cols, pitch = blocks_.pitch();
        const Vec32 no_label = splat32(-1.0f);
        const auto direct = DirectSoftmax::read<true>(z, classes, no_label, y, pitch);
        scale(y, 1.0 / direct.rest);
        if (!any(~direct.good)) return direct.good;
        const auto s =
            SingleSoftmax::read<true, false, false, false>(exp_, z, classes, no_label, nullptr, other_, pitch);
        const auto rest = s.rest(exp_);
        scale(other_, rest.inverse / (1.0 + rest.sum));
        for (std::int64_t c = 0; c < classes; ++c)
            store(y + c * pitch, direct.good ? load32(y + c * pitch) : load32(other_ + c * pitch));
        return direct.good | rest.good;
    }

    void scale(float *y, Pair exact) const {
        const Vec32 factor = exact.narrow(), error = (exact - Pair(factor)).narrow();
        const std::int64_t cols = p_.input.cols, pitch = blocks_.pitch();
        for (std::int64_t c = 0; c < cols; ++c, y += pitch) {
            const Vec32 power = load32(y), probability = fma(power, factor, power * error);
            store(y, probability > 1.0f ? splat32(1.0f) : probability);  // by rounding alone
        }
    }

    Bits32 logarithms(const float *z, float *y) const {
        const std::int64_t classes = p_.input.cols, pitch = blocks_.pitch();
        const auto s = SingleSoftmax::read<false, false, false, false>(exp_, z, classes, Vec32{}, nullptr, y, pitch);
        const auto rest = s.rest(exp_);
        const Vec32 log_sum = log1p_nonnegative(rest.sum.narrow());
        if (p_.kind == Activation::logsumexp) store(y, s.largest + log_sum);
        for (std::int64_t c = 0; c < classes && p_.kind == Activation::log_softmax; ++c)
            store(y + c * pitch, (load32(z + c * pitch) - s.largest) - log_sum);
        return rest.good;
    }

    const ActivationProblem &p_;
    const Exp32 &exp_;
    const Blocks &blocks_;
    float *z_, *y_, *other_, *staging_;
};

// One row of many classes: false where float32 does not hold it.
bool wide_row(const ActivationProblem &p, SingleWideSoftmax &row, std::int64_t r, float *y) {
    Sums sums;
    const bool softmax = p.kind == Activation::softmax;
    if (!(softmax ? row.read<Spread::none, true>(r, nullptr, sums) : row.read<Spread::none, false>(r, nullptr, sums)))
        return false;
    if (softmax) {
        const double factor = 1.0 / (row.unit() * (1.0 + sums.rest));
        row.each_tile([&](std::int64_t first, std::int64_t count, float *e, double scale) {
            scale_tile<Spread::none>(e, nullptr, count, factor * scale, 0.0, 0.0);
            const std::int64_t top = row.top() - first;
            if (top >= 0 && top < count) e[top] = (float)(1.0 / (1.0 + sums.rest));
            store_floats(p.output, r, first, count, e);
        });
        return true;
    }
    const double log_sum = std::log1p(sums.rest);
    if (p.kind == Activation::logsumexp) {
        const double lse = (double)row.maximum() + log_sum;
        store_row(p.output, r, 0, 1, &lse);
        return true;
    }
    const Vec32 maximum = splat32(row.maximum()), sum = splat32((float)log_sum);
    for (std::int64_t first = 0; first < p.input.cols; first += tile) {
        const std::int64_t left = p.input.cols - first, count = left < tile ? left : tile;
        const float *z = row.tile_of(r, first, count);
        std::int64_t j = 0;
        for (; j + lanes32 <= count; j += lanes32) store(y + j, (load32(z + j) - maximum) - sum);
        for (; j < count; ++j) y[j] = (z[j] - maximum[0]) - sum[0];
        store_floats(p.output, r, first, count, y);
    }
    return true;
}

}  // namespace

bool is_single(const ActivationProblem &p) {
    return p.kind <= Activation::logsumexp && !p.cotangent.given() && p.input.cols > 0 && p.input.dtype != DType::f64 &&
           p.output.dtype != DType::f64;
}

void activate_single(const ActivationProblem &p) {
    const Exp32 exp;
    const std::int64_t cols = p.input.cols;
    if (lies_in_planes(p.input) || cols <= widest_single_row) {
        const Blocks blocks(p.input);
        const Chunks chunks(blocks.count(), blocks.floats(), Blocks::per_chunk);
        const Scratch memory(chunks.threads(), 1, NarrowActivation::floats(blocks) / 2 + 1);
        const Scratch doubles(chunks.threads(), activation_arrays, cols);
        over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
            NarrowActivation activation(p, exp, blocks, (float *)memory.array(thread, 0));
            for (std::int64_t block = begin; block < end; ++block)
                activation.run(block, [&](std::int64_t r) { activate_row(p, r, doubles, thread); });
            fence();
            return Part{};
        });
        return;
    }
    const Chunks chunks(p.input.rows, cols);
    const Scratch memory(chunks.threads(), 1, (SingleWideSoftmax::floats(cols) + tile) / 2 + 1);
    const Scratch doubles(chunks.threads(), activation_arrays, cols);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        float *work = (float *)memory.array(thread, 0);
        const View no_mask;
        SingleWideSoftmax row(p.input, no_mask, exp, 1.0, work);
        for (std::int64_t r = begin; r < end; ++r)
            if (!wide_row(p, row, r, work + SingleWideSoftmax::floats(cols))) activate_row(p, r, doubles, thread);
        fence();
        return Part{};
    });
}

}  // namespace crossentropy::CE_ISA
