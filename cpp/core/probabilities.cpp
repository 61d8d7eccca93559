// Cross-entropy on probabilities against class indices, many rows at a time: the check that rows sum to 1, and the
// loss.
#include "chunks.hpp"
#include "kernels.hpp"
#include "single_narrow.hpp"
#include "targets.hpp"

namespace crossentropy::CE_ISA {

namespace {

constexpr std::int64_t stretch = 256;  // rows at a time

// Whether the rows of a block have no negative or NaN entry and sum to 1.
class PlainCheck {
  public:
    PlainCheck(const RowProblem &p, const Blocks &blocks, float *memory)
        : p_(p), blocks_(blocks), x_(memory), staging_(memory + blocks.floats()) {}

    static std::int64_t floats(const Blocks &blocks) { return blocks.floats() + blocks.staging(); }

    bool passes(std::int64_t block) const {
        const std::int64_t first = blocks_.first(block), count = blocks_.rows(block);
        blocks_.load(p_.predictions, first, count, x_, staging_);
        Bits32 all = ~Bits32{};
        for (std::int64_t l = 0; l < count; l += lanes32)
            all &= distributions(x_ + l) | (lane_numbers() >= (std::int32_t)(count - l));
        return !any(~all);
    }

  private:
    // The sum of a row is float32: a tenth of the tolerance is more than its error.
    Bits32 distributions(const float *x) const {
        const std::int64_t cols = p_.predictions.cols, pitch = blocks_.pitch();
        Vec32 sum{}, opposite{};  // the largest of the opposites is 0, or some entry is negative
        for (std::int64_t c = 0; c < cols; ++c, x += pitch) {
            const Vec32 own = load32(x);
            sum += own;
            opposite = larger(-own, opposite);
        }
        return (opposite == 0.0f) & (absolute(sum - 1.0f) <= (float)(0.9 * p_.prediction_tolerance));
    }

    const RowProblem &p_;
    const Blocks &blocks_;
    float *x_, *staging_;
};

// -log x of a probability: by the logarithm of 1 + (1-x)/x, which keeps its digits near x = 1.
Vec surprisal(Vec x) { return x == 0.0 ? splat(__builtin_inf()) : log1p_nonnegative((1.0 - x) / x); }

// What stands at the labels of rows [first, first + count).
void load_at_labels(const RowProblem &p, std::int64_t first, std::int64_t count, double *x) {
    std::int64_t labels[stretch];
    with_storage(p.targets.dtype, [&](auto storage) {
        const auto *given = (const typename decltype(storage)::Type *)p.targets.data;
        for (std::int64_t l = 0; l < count; ++l) labels[l] = (std::int64_t)given[p.targets.offset(first + l)];
    });
    with_storage(p.predictions.dtype, [&](auto storage) {
        using S = decltype(storage);
        const View &view = p.predictions;
        const auto *given = (const typename S::Type *)view.data;
        for (std::int64_t l = 0; l < count; ++l)
            x[l] = S::get(given[view.offset(first + l) + labels[l] * view.col_stride]);
    });
}

}  // namespace

bool is_plain_probabilities(const RowProblem &p) {
    return p.family == RowFamily::categorical && p.kind == TargetKind::index && p.smoothing == 0 && !p.sample_weight &&
           !p.has_ignore && !p.class_weight;
}

bool all_are_distributions(const RowProblem &p) {
    if (p.predictions.dtype == DType::f64 || p.predictions.cols > widest_single_row) return false;
    const Blocks blocks(p.predictions);
    const Chunks chunks(blocks.count(), blocks.floats(), Blocks::per_chunk);
    const Scratch memory(chunks.threads(), 1, PlainCheck::floats(blocks) / 2 + 1);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
               PlainCheck check(p, blocks, (float *)memory.array(thread, 0));
               Part part;
               for (std::int64_t block = begin; block < end; ++block) part.sum.add(check.passes(block) ? 0.0 : 1.0);
               return part;
           }).total == 0.0;
}

double run_plain_probabilities(const RowProblem &p, const Results &out) {
    const Chunks chunks(p.predictions.rows, 1);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int) {
                           Sum<Vec> sum;
                           for (std::int64_t r = begin; r < end; r += stretch) {
                               const std::int64_t count = end - r < stretch ? end - r : stretch;
                               double x[stretch + lanes];
                               load_at_labels(p, r, count, x);
                               for (int l = 0; l < lanes; ++l) x[count + l] = 1.0;
                               for (std::int64_t l = 0; l < count; l += lanes) {
                                   const Vec losses = surprisal(load(x + l));
                                   sum.add(losses);
                                   store(x + l, losses);
                               }
                               if (out.losses.given()) store_column(out.losses, r, count, x);
                           }
                           return Part{across(sum), {}};
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
