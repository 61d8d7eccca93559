// Cross-entropy on probabilities against class indices, many rows at a time: the check that rows sum to 1, and the
// loss.
#include "chunks.hpp"
#include "kernels.hpp"
#include "single_narrow.hpp"
#include "targets.hpp"

namespace crossentropy::CE_ISA {

namespace {

// Whether the rows of a block have no negative or NaN entry and sum to 1, and their labels are classes.
class PlainCheck {
  public:
    PlainCheck(const RowProblem &p, const Blocks &blocks, float *memory)
        : p_(p), blocks_(blocks), x_(memory), staging_(memory + blocks.floats()) {}

    static std::int64_t floats(const Blocks &blocks) { return blocks.floats() + blocks.staging(); }

    bool passes(std::int64_t block) {
        const std::int64_t first = blocks_.first(block), count = blocks_.rows(block);
        if (!labels_pass(first, count)) return false;
        blocks_.load(p_.predictions, first, count, x_, staging_);
        Bits32 all = ~Bits32{};
        for (std::int64_t l = 0; l < count; l += lanes32) {
            const Bits32 good = distributions(x_ + l);
            all &= good | (lane_numbers() >= (std::int32_t)(count - l));
        }
        return !any(~all);
    }

  private:
    bool labels_pass(std::int64_t first, std::int64_t count) const {
        return with_storage(p_.targets.dtype, [&](auto storage) {
            const auto *labels = (const typename decltype(storage)::Type *)p_.targets.data;
            bool good = true;
            for (std::int64_t r = first; r < first + count; ++r) {
                const Label y = as_label(labels[p_.targets.offset(r)]);
                good &= y.fits && y.value >= 0 && y.value < p_.predictions.cols;
            }
            return good;
        });
    }

    Bits32 distributions(const float *x) const {
        Bits32 good = ~Bits32{};
        Pair sum;
        for (std::int64_t c = 0; c < p_.predictions.cols; ++c) {
            const Vec32 own = load32(x + c * blocks_.pitch());
            good &= own >= 0.0f;
            sum += Pair(own);
        }
        const Pair near =
            each([&](Vec x) { return absolute(x - 1.0) <= p_.prediction_tolerance ? splat(1.0) : Vec{}; }, sum);
        return good & (near.narrow() != 0.0f);
    }

    const RowProblem &p_;
    const Blocks &blocks_;
    float *x_, *staging_;
};

// -log x of a probability: by the logarithm of 1 + (1-x)/x, which keeps its digits near x = 1.
Vec surprisal(Vec x) { return x == 0.0 ? splat(__builtin_inf()) : log1p_nonnegative((1.0 - x) / x); }

}  // namespace

bool is_plain_probabilities(const RowProblem &p) {
    return p.family == RowFamily::categorical && p.kind == TargetKind::index && p.smoothing == 0 && !p.sample_weight &&
           !p.has_ignore && !p.class_weight;
}

bool all_plain_probabilities_pass(const RowProblem &p) {
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
                           for (std::int64_t r = begin; r < end; r += lanes) {
                               const std::int64_t count = end - r < lanes ? end - r : lanes;
                               double x[lanes];
                               for (std::int64_t l = 0; l < lanes; ++l)
                                   x[l] =
                                       l < count ? element(p.predictions, r + l, label(p.targets, r + l).value) : 1.0;
                               const Vec losses = surprisal(load(x));
                               sum.add(losses);
                               store(x, losses);
                               for (std::int64_t l = 0; l < count && out.losses.given(); ++l)
                                   store_row(out.losses, r + l, 0, 1, x + l);
                           }
                           return Part{across(sum), {}};
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
