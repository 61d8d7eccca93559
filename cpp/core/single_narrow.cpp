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
                if (p_.class_weight || p_.sample_weight || p_.focal_gamma != 0 || p_.z_loss != 0 ||
                    p_.temperature != 1 || out_.divisor < 1)
                    return keep ? run<Spread::none, true>(block) : run<Spread::none, false>(block);
                return keep ? run<Spread::none, true, true>(block) : run<Spread::none, false, true>(block);
            case Spread::even:
                return keep ? run<Spread::even, true>(block) : run<Spread::even, false>(block);
            default:
                return keep ? run<Spread::rows, true>(block) : run<Spread::rows, false>(block);
        }
    }

  private:
    std::int64_t classes() const { return p_.predictions.cols; }

    // `plain`: no weights, no temperature, neither focal nor z-loss, no gradient above 1.
    template <Spread spread, bool keep, bool plain = false>
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
        Pair sum;
        bool all_good = true;
        double losses[Blocks::widest + batch * lanes32];
        for (std::int64_t l = 0; l < count; l += batch * lanes32)
            all_good &= solve<spread, keep, plain>(l, count, losses + l, sum);
        Sum<double> total;
        if (all_good) total.add(sum_of_lanes(sum.low + sum.high));
        if (keep && all_good) blocks_.store(out_.derivative, first, count, e_, staging_);
        for (std::int64_t l = 0; l < count && !all_good; ++l) {
            const bool bad = bad_[l / lanes32][l % lanes32] != 0;
            if (bad) losses[l] = worker_.run(first + l);
            total.add(losses[l]);
            if (keep && !bad) blocks_.store_row(out_.derivative, first + l, l, e_, staging_);
        }
        if (out_.losses.given()) store_column(out_.losses, first, count, losses);
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

    // The labels of a block as floats (of soft targets: 0), -1 where a row is dropped, and the scales of its rows.
    void read_block(std::int64_t first, std::int64_t count) {
        const std::int64_t padded = (count + lanes32 - 1) / lanes32 * lanes32;
        for (std::int64_t l = 0; l < padded; ++l) labels_[l] = l < count ? 0.0f : -1.0f;
        if (p_.kind == TargetKind::index) read_labels(first, count);
        for (std::int64_t l = 0; l < padded && p_.sample_weight; ++l) {
            scales_[l] = l < count ? p_.sample_weight[first + l] : 0.0;
            if (scales_[l] == 0) labels_[l] = -1;
        }
    }

    void read_labels(std::int64_t first, std::int64_t count) {
        with_storage(p_.targets.dtype, [&](auto storage) {
            const auto *given = (const typename decltype(storage)::Type *)p_.targets.data;
            if (p_.targets.dims == 1 && p_.targets.stride[0] == 1) {
                for (std::int64_t l = 0; l < count; ++l) labels_[l] = (float)given[first + l];
            } else {
                for (std::int64_t l = 0; l < count; ++l) labels_[l] = (float)given[p_.targets.offset(first + l)];
            }
        });
        // beyond the classes are only labels that are ignored
        const Vec32 end = splat32((float)classes()), ignore = splat32(p_.has_ignore ? (float)p_.ignore : -1.0f);
        for (std::int64_t l = 0; l < count; l += lanes32) {
            const Vec32 y = load32(labels_ + l);
            store(labels_ + l, (y >= 0.0f) & (y < end) & (y != ignore) ? y : splat32(-1.0f));
        }
    }

    // The weights of the labels' classes.
    Pair class_weights(Vec32 labels) const {
        double weights[lanes32];
        for (int i = 0; i < lanes32; ++i) weights[i] = labels[i] < 0 ? 1.0 : p_.class_weight[(std::int64_t)labels[i]];
        return {load(weights), load(weights + lanes)};
    }

    // What a vector of rows comes to: its losses, and what turns its powers into gradients.
    struct Ends {
        Vec32 labels, factor, factor_error, scale, at_top, at_label;
        Bits32 good;
        Pair losses;
    };

    // Of the rows from the block's row l on, where `plain` and of common size.
    template <bool keep>
    Ends finish(const DirectSoftmax &s, std::int64_t l) const {
        const Pair power(s.power);
        const Vec32 odds = (s.rest / power).narrow(), loss = log1p_nonnegative(odds);
        Ends ends;
        ends.labels = load32(labels_ + l);
        ends.good = s.good & (odds > 1e-20f) & (odds < __builtin_inff());
        ends.losses = Pair(ends.labels < 0.0f ? Vec32{} : loss);
        if (!keep) return ends;
        const Pair factor = (1.0 / out_.divisor) / (s.rest + power);
        ends.factor = factor.narrow();
        ends.factor_error = (factor - Pair(ends.factor)).narrow();
        ends.at_label = -(factor * s.rest).narrow();
        ends.good &= ends.factor > 0x1p-100f;
        return ends;
    }

    // Of all others.
    template <Spread spread, bool keep>
    Ends finish(const SingleSoftmax &s, std::int64_t l) const {
        const bool index = p_.kind == TargetKind::index, focal = p_.focal_gamma != 0, pulled = p_.z_loss != 0;
        const double cooling = 1.0 / p_.temperature;
        const double even = spread == Spread::even ? p_.smoothing / (double)classes() : 0.0;
        const auto [rest, inverse, good] = s.rest(exp_);
        Ends ends;
        ends.labels = load32(labels_ + l);
        ends.good = good;
        if (index) ends.good &= s.logit > -__builtin_inff();
        const Vec32 apart = s.largest - s.logit;
        const Pair log_sum(log1p_nonnegative(rest.narrow())), gap = Pair(apart) * cooling;
        const Pair inverse_sum = 1.0 / (1.0 + rest), at = Pair(s.power) * inverse;
        const PairBits hit = gap == 0.0;
        Pair scale = 1.0;
        if (p_.sample_weight) scale = {load(scales_ + l), load(scales_ + l + lanes)};

        // what the target gives to the top, to the others, and to the label beside its share
        Pair own, others, drop, weight, nats;
        if (spread != Spread::none) {
            own = spread == Spread::even ? Pair(even) : Pair(s.top_share);
            others = spread == Spread::even ? Pair(even * (double)(classes() - 1)) : s.shares;
            weight = own + others;
            nats = weight * log_sum - (spread == Spread::even ? even : 1.0) * cooling * s.gaps;
            ends.good &= absolute(s.gaps.narrow()) < __builtin_inff();
        }
        if (index) {
            drop = 1.0 - p_.smoothing;
            if (p_.class_weight) drop = drop * class_weights(ends.labels);
            weight += drop;
            Pair loss = drop * (log_sum + gap);
            if (focal) {
                // p/(1-p); (1-p)^γ by way of the logarithm of 1 + p/(1-p)
                const Pair bet = at / choose(hit, rest, 1.0 + rest - at);
                const double gamma = p_.focal_gamma;
                const Pair power =
                    each([&](Vec x) { return exp_nonpositive(-gamma * log1p_nonnegative(x), Vec{}); }, bet);
                loss = loss * power;
                drop = drop * power * (1.0 + gamma * (bet * (log_sum + gap)));
            }
            nats += loss;
            own += choose(hit, drop, 0.0);
            others += choose(hit, 0.0, drop);
        }
        Pair pull;
        if (pulled) {
            const Pair lse = Pair(s.largest) * cooling + log_sum;
            nats += weight * p_.z_loss * lse * lse;
            pull = 2.0 * p_.z_loss * weight * lse;
        }
        ends.losses = choose(0.0 > Pair(ends.labels), 0.0, scale * nats);
        if (!keep) return ends;

        scale = scale * (cooling / out_.divisor);
        const Pair all = own + others, odds = (all + pull) * inverse_sum, factor = scale * odds * inverse;
        // without cancellation where the top has most of the target, as in softmax_loss.hpp
        Pair at_top = choose(own > others, others - all * (rest * inverse_sum), all * inverse_sum - own);
        if (pulled) at_top += pull * inverse_sum;
        ends.factor = factor.narrow();
        ends.factor_error = (factor - Pair(ends.factor)).narrow();
        ends.scale = scale.narrow();
        ends.at_top = (scale * at_top).narrow();
        ends.at_label = (scale * (at * odds - (drop + Pair(s.share) + even))).narrow();
        // one of several tops has its own share, not theirs
        const Bits32 top = apart == 0.0f;
        ends.at_label = (spread == Spread::rows ? top & (s.tops == 1.0f) : top) ? ends.at_top : ends.at_label;
        const Vec32 size = absolute(ends.factor), zero = choose(factor == 0.0, 1.0, 0.0).narrow();
        ends.good &= ((size > 0x1p-100f) | (zero != 0.0f)) & (size < 0x1p-40f);
        ends.good &= (ends.scale > 0x1p-100f) & (ends.scale < 0x1p20f);
        return ends;
    }

    // Gradients, in place of the powers.
    template <Spread spread>
    void slopes(const SingleSoftmax &s, const Ends &ends, std::int64_t l) const {
        const bool index = p_.kind == TargetKind::index;
        const std::int64_t cols = classes(), pitch = blocks_.pitch();
        // copies, which no store can change
        const Vec32 factor = ends.factor, error = ends.factor_error, scale = ends.scale, at_top = ends.at_top,
                    at_label = ends.at_label, even = scale * (float)(p_.smoothing / (double)cols);
        const Bits32 dropped = ends.labels < 0.0f, alone = s.tops == 1.0f;
        Vec32 labels = ends.labels, largest = s.largest;
        float *e = e_ + l;
        const float *z = z_ + l, *share = share_ + l;
        for (std::int64_t c = 0; c < cols; ++c, e += pitch, z += pitch, share += pitch) {
            const Vec32 power = load32(e);
            Vec32 y = fma(power, factor, power * error);
            if (spread == Spread::even) y -= even;
            if (spread == Spread::rows) {
                y = fma(load32(share), -scale, y);
                y = (load32(z) >= largest) & alone ? at_top : y;
            }
            if (index) y = labels == 0.0f ? at_label : y;
            labels -= 1.0f;
            store(e, dropped ? Vec32{} : y);
        }
    }

    template <Spread spread, bool keep>
    Ends read(std::int64_t l, SingleSoftmax &softmax, float *e) const {
        softmax = SingleSoftmax::read<keep, spread != Spread::none, spread == Spread::rows, true>(
            exp_, z_ + l, classes(), load32(labels_ + l), share_ + l, e + l, blocks_.pitch());
        return finish<spread, keep>(softmax, l);
    }

    // Where not all rows are of common size: those that are keep what was found for them.
    template <bool keep>
    __attribute__((noinline)) void replace(Ends &ends, std::int64_t l) const {
        float *other_powers = share_;  // which only spread targets need
        SingleSoftmax softmax;
        const Ends careful = read<Spread::none, keep>(l, softmax, other_powers);
        const Bits32 good = ends.good;
        const PairBits wide = Pair(good ? splat32(1.0f) : Vec32{}) == 1.0;
        ends.losses = choose(wide, ends.losses, careful.losses);
        ends.good |= careful.good;
        if (!keep) return;
        ends.factor = good ? ends.factor : careful.factor;
        ends.factor_error = good ? ends.factor_error : careful.factor_error;
        ends.at_label = good ? ends.at_label : careful.at_label;
        for (std::int64_t at = l, c = 0; c < classes(); ++c, at += blocks_.pitch())
            store(e_ + at, good ? load32(e_ + at) : load32(other_powers + at));
    }

    // Losses of up to `batch` vectors of rows from the block's row l on, and their gradients. Step by step over all of
    // them: the steps of one wait for each other. The result: whether no row needs its worker.
    template <Spread spread, bool keep, bool plain>
    bool solve(std::int64_t l, std::int64_t count, double *losses, Pair &sum) {
        const std::int64_t vectors = (count - l + lanes32 - 1) / lanes32, n = vectors < batch ? vectors : batch;
        SingleSoftmax softmax[batch];
        Ends ends[batch];
        if constexpr (plain) {
            DirectSoftmax direct[batch];
            for (std::int64_t i = 0, at = l; i < n; ++i, at += lanes32)
                direct[i] =
                    DirectSoftmax::read<keep>(z_ + at, classes(), load32(labels_ + at), e_ + at, blocks_.pitch());
            for (std::int64_t i = 0, at = l; i < n; ++i, at += lanes32) {
                ends[i] = finish<keep>(direct[i], at);
                if (any(~(ends[i].good | (ends[i].labels < 0.0f)))) replace<keep>(ends[i], at);
            }
        } else {
            for (std::int64_t i = 0, at = l; i < n; ++i, at += lanes32)
                ends[i] = read<spread, keep>(at, softmax[i], e_);
        }
        Bits32 all_bad{};
        for (std::int64_t i = 0, at = l; i < n; ++i, at += lanes32) {
            store(losses + at - l, ends[i].losses.low);
            store(losses + at - l + lanes, ends[i].losses.high);
            sum += ends[i].losses;
            all_bad |= bad_[at / lanes32] = ~(ends[i].good | (ends[i].labels < 0.0f));
        }
        for (std::int64_t i = 0, at = l; keep && i < n; ++i, at += lanes32) slopes<spread>(softmax[i], ends[i], at);
        return !any(all_bad);
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
    const Chunks chunks(blocks.count(), blocks.floats(), Blocks::per_chunk);
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
