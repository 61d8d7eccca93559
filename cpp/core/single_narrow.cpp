// Softmax cross-entropy and its gradient for rows of few classes, or with a class axis in the middle, in float32 lanes:
// one row in each lane. Rows that float32 cannot hold go to their float64 worker, as in single_wide.cpp.
#include "single_narrow.hpp"

#include <vector>

#include "chunks.hpp"
#include "kernels.hpp"
#include "single_shares.hpp"
#include "worker.hpp"

namespace crossentropy::CE_ISA {

namespace {

constexpr std::int64_t batch = 4;  // vectors of rows that are solved side by side

// What is known of a vector of rows beside their logits.
struct RowsGiven {
    Vec32 label, logit, share;  // of index targets: the label (-1: none), what stands there
    Pair weight, scale;         // of the label's class, of the sample; the latter 0 where dropped
};

// One thread's work on blocks of rows.
class NarrowRows {
  public:
    NarrowRows(const RowProblem &p, const Results &out, const Exp32 &exp, const Blocks &blocks, const float *common,
               const Worker &worker, float *memory)
        : p_(p), out_(out), exp_(exp), blocks_(blocks), worker_(worker), spread_(spread_of(p)) {
        z_ = memory;
        e_ = z_ + blocks.floats();
        share_ = e_ + blocks.floats();
        staging_ = share_ + blocks.floats();
        if (common)
            for (std::int64_t c = 0; c < p.predictions.cols; ++c)
                for (std::int64_t l = 0; l < blocks.width(); ++l) share_[c * blocks.pitch() + l] = common[c];
    }

    static std::int64_t floats(const Blocks &blocks) { return 3 * blocks.floats() + blocks.staging(); }

    Sum<double> run(std::int64_t block) {
        const bool keep = out_.order == Order::gradient;
        switch (spread_) {
            case Spread::none:
                return keep ? run<Spread::none, true>(block) : run<Spread::none, false>(block);
            case Spread::even:
                return keep ? run<Spread::even, true>(block) : run<Spread::even, false>(block);
            default:
                return keep ? run<Spread::rows, true>(block) : run<Spread::rows, false>(block);
        }
    }

  private:
    std::int64_t classes() const { return p_.predictions.cols; }

    template <Spread spread, bool keep>
    Sum<double> run(std::int64_t block) {
        const std::int64_t first = blocks_.first(block), count = blocks_.rows(block);
        const View &logits = p_.predictions;
        blocks_.load(logits, first, count, z_, staging_);
        if (p_.mask.given()) drop_masked();
        if (spread == Spread::rows && p_.kind == TargetKind::soft) {
            blocks_.load(p_.targets, first, count, share_, staging_);
            if (p_.smoothing != 0 || p_.class_weight) weigh_shares();
        }
        read_block(first, count);
        Sum<Vec> sum;
        bool all_good = true;
        double losses[Blocks::widest + batch * lanes32];
        for (std::int64_t l = 0; l < count; l += batch * lanes32)
            all_good &= solve<spread, keep>(l, count, losses + l, sum);
        Sum<double> total = across(sum);
        if (keep && all_good) blocks_.store(out_.derivative, first, count, e_, staging_);
        for (std::int64_t l = 0; l < count && !all_good; ++l) {
            if (bad_[l / lanes32][l % lanes32])
                total.add(losses[l] = worker_.run(first + l));
            else if (keep)
                blocks_.store_row(out_.derivative, first + l, l, e_, staging_);
        }
        if (out_.losses.given())
            for (std::int64_t l = 0; l < count; ++l) store_row(out_.losses, first + l, 0, 1, losses + l);
        return total;
    }

    void drop_masked() {
        const KeptClasses kept(p_.mask, 0);
        for (std::int64_t c = 0; c < classes(); ++c)
            for (std::int64_t l = 0; l < blocks_.width() && !kept(c); ++l)
                z_[c * blocks_.pitch() + l] = -__builtin_inff();
    }

    // Of soft targets, as fill_shares does it for a row.
    void weigh_shares() {
        const KeptClasses kept(p_.mask, 0);
        const float own = (float)(1.0 - p_.smoothing), even = even_share(p_, kept);
        for (std::int64_t c = 0; c < classes(); ++c) {
            const float add = kept(c) ? even : 0.0f, weight = p_.class_weight ? (float)p_.class_weight[c] : 1.0f;
            float *share = share_ + c * blocks_.pitch();
            for (std::int64_t l = 0; l < blocks_.width(); ++l) share[l] = (own * share[l] + add) * weight;
        }
    }

    // The labels of a block as floats, -1 where a row is dropped, and the scales of its rows.
    void read_block(std::int64_t first, std::int64_t count) {
        const std::int64_t padded = (count + lanes32 - 1) / lanes32 * lanes32;
        for (std::int64_t l = 0; l < padded; ++l) {
            labels_[l] = -1;
            scales_[l] = l < count ? row_scale(p_, first + l) : 0.0;
        }
        if (p_.kind != TargetKind::index) return;
        with_storage(p_.targets.dtype, [&](auto storage) {
            using Type = typename decltype(storage)::Type;
            const auto *given = (const Type *)p_.targets.data;
            if (p_.targets.dims == 1 && p_.targets.stride[0] == 1) {
                for (std::int64_t l = 0; l < count; ++l) labels_[l] = (float)given[first + l];
            } else {
                for (std::int64_t l = 0; l < count; ++l) labels_[l] = (float)given[p_.targets.offset(first + l)];
            }
        });
        for (std::int64_t l = 0; l < count && (p_.has_ignore || p_.sample_weight); ++l) {
            if (is_kept(p_, first + l)) continue;
            labels_[l] = -1;
            scales_[l] = 0;
        }
    }

    // What stands at the labels of a vector of rows, from the block's row l on.
    RowsGiven read_rows(std::int64_t l) const {
        float logits[lanes32], shares[lanes32];
        double weights[lanes32];
        std::int32_t label[lanes32];
        const Vec32 labels = load32(labels_ + l);
        const Bits32 whole = __builtin_convertvector(labels < 0.0f ? Vec32{} : labels, Bits32);
        __builtin_memcpy(label, &whole, sizeof label);
        if (p_.kind == TargetKind::index) {
            for (int i = 0; i < lanes32; ++i) logits[i] = z_[label[i] * blocks_.pitch() + l + i];
            for (int i = 0; i < lanes32 && p_.class_weight; ++i) weights[i] = p_.class_weight[label[i]];
            for (int i = 0; i < lanes32 && spread_ == Spread::rows; ++i)
                shares[i] = share_[label[i] * blocks_.pitch() + l + i];
        }
        RowsGiven given{labels, {}, {}, {}, {}};
        if (p_.kind == TargetKind::index) given.logit = load32(logits);
        if (p_.kind == TargetKind::index && spread_ == Spread::rows) given.share = load32(shares);
        for (int h = 0; h < 2; ++h) {
            given.weight.half[h] = p_.class_weight ? load(weights + h * lanes) : splat(1.0);
            given.scale.half[h] = load(scales_ + l + h * lanes);
        }
        return given;
    }

    // What a vector of rows comes to: its losses, and what turns its powers into gradients.
    struct Ends {
        Vec32 labels, factor, scale, at_top, at_label;
        Bits32 dropped, good;
        Pair losses;
    };

    template <Spread spread, bool keep>
    SingleSoftmax sweep(std::int64_t l) const {
        SingleSoftmax s;
        s.solve<keep, spread != Spread::none, spread == Spread::rows>(exp_, p_.temperature, z_ + l, classes(),
                                                                      share_ + l, e_ + l, blocks_.pitch());
        return s;
    }

    template <Spread spread, bool keep>
    Ends finish(const SingleSoftmax &s, const RowsGiven &given) const {
        const bool index = p_.kind == TargetKind::index;
        const double cooling = 1.0 / p_.temperature;
        const double even = spread == Spread::even ? p_.smoothing / (double)classes() : 0.0;
        const Vec zero{};
        const Vec32 apart = s.largest - given.logit, none{};
        const Pair gaps = Pair::widen(apart), log_sums = Pair::widen(log1p_nonnegative(s.rest.narrow()));
        Pair at{}, label_share{}, top_share{}, lse{}, factor{}, at_label{}, at_top{}, scales{}, losses{};
        if (index && (keep || p_.focal_gamma != 0)) at = Pair::widen(exp_negative(apart * (float)cooling));
        if (spread == Spread::rows) {
            label_share = Pair::widen(given.share);
            top_share = Pair::widen(s.top_share);
        }
        if (p_.z_loss != 0) lse = Pair::widen(s.largest);
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
            const Vec rest = s.rest.half[h], log_sum = log_sums.half[h], gap = gaps.half[h] * cooling;
            const Bits hit = gap == 0.0;
            Vec nats{}, own{}, others{}, weight{}, drop{}, inverse_sum{};
            if (keep || p_.focal_gamma != 0) inverse_sum = 1.0 / (1.0 + rest);
            if (spread == Spread::even) {
                own = splat(even);
                others = splat(even * (double)(classes() - 1));
            } else if (spread == Spread::rows) {
                own = top_share.half[h];
                others = s.shares.half[h];
            }
            if (spread != Spread::none) {
                weight = own + others;
                nats = weight * log_sum - (spread == Spread::even ? even : 1.0) * cooling * s.gaps.half[h];
            }
            if (index) {
                const Vec part = (1.0 - p_.smoothing) * given.weight.half[h], surprisal = log_sum + gap;
                Vec loss = part * surprisal;
                drop = part;
                if (p_.focal_gamma != 0) {
                    // p/(1-p); (1-p)^γ by way of the logarithm of 1 + p/(1-p)
                    const Vec bet = at.half[h] / (hit ? rest : 1.0 + rest - at.half[h]);
                    const Vec power = exp_nonpositive(-p_.focal_gamma * log1p_nonnegative(bet), zero);
                    loss *= power;
                    drop *= power * (1.0 + p_.focal_gamma * (bet * surprisal));
                }
                nats += loss;
                weight += part;
                own += hit ? drop : zero;
                others += hit ? zero : drop;
            }
            Vec pull{};
            if (p_.z_loss != 0) {
                const Vec lse_here = lse.half[h] * cooling + log_sum;
                nats += weight * p_.z_loss * lse_here * lse_here;
                pull = 2.0 * p_.z_loss * weight * lse_here;
            }
            const Vec kept = given.scale.half[h];
            losses.half[h] = kept == 0.0 ? zero : kept * nats;
            if (!keep) continue;
            const Vec scale = kept * (cooling / out_.divisor), all = own + others, odds = (all + pull) * inverse_sum;
            scales.half[h] = scale;
            factor.half[h] = scale * odds * s.inverse.half[h];
            // without cancellation where the top has most of the target, as in softmax_loss.hpp
            const Vec cautious = own > others ? others - all * (rest * inverse_sum) : all * inverse_sum - own;
            at_top.half[h] = scale * (p_.z_loss != 0 ? cautious + pull * inverse_sum : cautious);
            at_label.half[h] = scale * (at.half[h] * odds - (drop + label_share.half[h] + even));
        }
        const Pair kept = Pair::of([&](int h) { return given.scale.half[h] == 0.0 ? zero : splat(1.0); });
        Ends ends{
            given.label, none, none, none, none, kept.narrow() == 0.0f, s.good & (given.logit > -__builtin_inff()),
            losses};
        if (!keep) return ends;
        ends.factor = factor.narrow();
        ends.scale = scales.narrow();
        ends.at_top = at_top.narrow();
        ends.at_label = apart == 0.0f ? ends.at_top : at_label.narrow();
        const Pair held = Pair::of([&](int h) {
            const Vec size = absolute(factor.half[h]);
            return ((size > 0x1p-100) | (size == 0.0)) & (size < 0x1p-40) ? splat(1.0) : zero;
        });
        ends.good &= (held.narrow() != 0.0f) & (ends.scale > 0x1p-100f) & (ends.scale < 0x1p20f);
        return ends;
    }

    // Gradients, in place of the powers.
    template <Spread spread>
    void slopes(const SingleSoftmax &s, const Ends &ends, std::int64_t l) const {
        const std::int64_t pitch = blocks_.pitch();
        const bool index = p_.kind == TargetKind::index;
        const Vec32 even = ends.scale * (float)(p_.smoothing / (double)classes());
        const Bits32 alone = s.tops == 1.0f;
        for (std::int64_t c = 0; c < classes(); ++c) {
            float *e = e_ + l + c * pitch;
            Vec32 y = load32(e) * ends.factor;
            if (spread == Spread::even) y -= even;
            if (spread == Spread::rows) {
                y = fma(load32(share_ + l + c * pitch), -ends.scale, y);
                y = (load32(z_ + l + c * pitch) >= s.largest) & alone ? ends.at_top : y;
            }
            if (index) y = ends.labels == (float)c ? ends.at_label : y;
            store(e, ends.dropped ? Vec32{} : y);
        }
    }

    // Losses of up to `batch` vectors of rows from the block's row l on, and their gradients. Step by step over all of
    // them: the steps of one wait for each other. The result: whether no row needs its worker.
    template <Spread spread, bool keep>
    bool solve(std::int64_t l, std::int64_t count, double *losses, Sum<Vec> &sum) {
        SingleSoftmax softmax[batch];
        Ends ends[batch];
        const std::int64_t vectors = (count - l + lanes32 - 1) / lanes32, n = vectors < batch ? vectors : batch;
        for (std::int64_t i = 0; i < n; ++i) softmax[i] = sweep<spread, keep>(l + i * lanes32);
        for (std::int64_t i = 0; i < n; ++i) ends[i] = finish<spread, keep>(softmax[i], read_rows(l + i * lanes32));
        bool all_good = true;
        for (std::int64_t i = 0; i < n; ++i) {
            const Bits32 bad = bad_[l / lanes32 + i] = ~(ends[i].good | ends[i].dropped);
            const Pair counted = Pair::widen(bad ? Vec32{} : splat32(1.0f));
            for (int h = 0; h < 2; ++h) {
                const Vec own = ends[i].losses.half[h];
                store(losses + i * lanes32 + h * lanes, own);
                sum.add(counted.half[h] != 0.0 ? own : Vec{});
            }
            all_good &= !any(bad);
        }
        for (std::int64_t i = 0; keep && i < n; ++i) slopes<spread>(softmax[i], ends[i], l + i * lanes32);
        return all_good;
    }

    const RowProblem &p_;
    const Results &out_;
    const Exp32 &exp_;
    const Blocks &blocks_;
    const Worker &worker_;
    Spread spread_;
    Bits32 bad_[Blocks::widest / lanes32 + batch];
    float labels_[Blocks::widest];
    double scales_[Blocks::widest];
    float *z_, *e_, *share_, *staging_;
};

}  // namespace

bool is_single_narrow(const RowProblem &p) {
    const View &logits = p.predictions;
    const bool planes = lies_in_planes(logits) && logits.cols < (1 << 24);  // labels are held as floats
    return p.mask.rows <= 1 && (planes || logits.cols <= widest_single_row);
}

double run_single_narrow(const RowProblem &p, const Results &out) {
    const Blocks blocks(p.predictions);
    const Exp32 exp(p.temperature);
    const Chunks chunks(blocks.count(), blocks.floats());
    const Scratch doubles(chunks.threads(), Worker::array_count, p.predictions.cols);
    const Scratch memory(chunks.threads(), 1, NarrowRows::floats(blocks) / 2 + 1);
    const std::vector<float> common = common_shares(p);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           const Worker worker{p, out, doubles, thread};
                           NarrowRows rows(p, out, exp, blocks, common.empty() ? nullptr : common.data(), worker,
                                           (float *)memory.array(thread, 0));
                           Sum<double> sum;
                           for (std::int64_t block = begin; block < end; ++block) sum.add(rows.run(block));
                           fence();
                           return Part{sum, {}};
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
