// Softmax cross-entropy of rows of many classes in float32 lanes, and its gradient: for logits and results of float32
// or less. A row is read from memory once, tile by tile; its exponentials stay in cache until the gradient is written.
//
// What float32 cannot hold (rows with NaN or infinities, or with a rest so small that its digits are subnormal) goes to
// the row's float64 worker. Which rows those are depends on their numbers alone.
#include "single_wide.hpp"

#include "chunks.hpp"
#include "focal.hpp"
#include "kernels.hpp"
#include "worker.hpp"

namespace crossentropy::CE_ISA {

namespace {

// One thread's work on rows of a problem.
class WideRows {
  public:
    WideRows(const RowProblem &p, const Results &out, const Exp32 &exp, const float *common, const Worker &worker,
             float *memory)
        : p_(p),
          out_(out),
          softmax_(p.predictions, p.mask, exp, p.temperature, memory),
          common_(common),
          worker_(worker),
          classes_(p.predictions.cols),
          share_(memory + SingleWideSoftmax::floats(classes_)) {}

    static std::int64_t floats(std::int64_t classes) {
        return SingleWideSoftmax::floats(classes) + SingleWideSoftmax::padded_classes(classes);
    }

    double run(std::int64_t r) {
        double value;
        if (!is_kept(p_, r) || !solve(r, value)) return worker_.run(r);
        return value;
    }

  private:
    bool has_derivative() const { return out_.order == Order::gradient; }

    // The row of shares that the target spreads over all classes, in float32.
    const float *share_row(std::int64_t r) {
        if (common_) return common_;
        if (p_.kind == TargetKind::soft && p_.targets.dtype == DType::f32 && p_.targets.col_stride == 1 &&
            p_.smoothing == 0 && !p_.class_weight)
            return (const float *)p_.targets.data + p_.targets.offset(r);
        fill_shares(p_, r, share_);
        return share_;
    }

    bool solve(std::int64_t r, double &value) {
        switch (spread_of(p_)) {
            case Spread::none:
                return has_derivative() ? solve<Spread::none, true>(r, value) : solve<Spread::none, false>(r, value);
            case Spread::even:
                return has_derivative() ? solve<Spread::even, true>(r, value) : solve<Spread::even, false>(r, value);
            default:
                return has_derivative() ? solve<Spread::rows, true>(r, value) : solve<Spread::rows, false>(r, value);
        }
    }

    template <Spread spread, bool keep>
    bool solve(std::int64_t r, double &value) {
        const float *share = spread == Spread::rows ? share_row(r) : nullptr;
        Sums sums;
        if (!softmax_.read<spread, keep>(r, share, sums)) return false;
        return finish<spread, keep>(r, share, sums, value);
    }

    template <Spread spread, bool keep>
    bool finish(std::int64_t r, const float *share, const Sums &sums, double &value) {
        const std::int64_t top = softmax_.top();
        const double maximum = softmax_.maximum(), sample = row_scale(p_, r), log_sum = std::log1p(sums.rest),
                     sum = 1.0 + sums.rest;
        const double even = spread == Spread::even ? p_.smoothing / (double)classes_ : 0.0;
        double nats = 0, weight = 0, own = 0, others = 0;
        if (spread == Spread::even) {
            nats = even * ((double)classes_ * log_sum - sums.gaps / p_.temperature);
            own = even;
            others = even * (double)(classes_ - 1);
        }
        if (spread == Spread::rows) {
            own = share[top];
            others = sums.spread;
            nats = (own + others) * log_sum - sums.gaps / p_.temperature;
        }
        weight = own + others;
        std::int64_t y = -1;
        double at_label = 0, drop = 0;
        if (p_.kind == TargetKind::index) {
            y = label(p_.targets, r).value;
            const double part = (1.0 - p_.smoothing) * (p_.class_weight ? p_.class_weight[y] : 1.0);
            const double gap = y == top ? 0.0 : (maximum - logit(r, y)) / p_.temperature;
            if (!(gap < 1e300)) return false;
            if (keep || p_.focal_gamma != 0) at_label = y == top ? 1.0 : std::exp(-gap);
            const double surprisal = log_sum + gap;
            drop = part;
            double loss = part * surprisal;
            if (p_.focal_gamma != 0) {
                const double probability = at_label / sum;
                const double complement = y == top ? sums.rest / sum : (sum - at_label) / sum;
                loss *= focal_factor(complement, p_.focal_gamma);
                drop *= focal_slope(probability, complement, -surprisal, p_.focal_gamma);
            }
            nats += part == 0 ? 0.0 : loss;
            weight += part;
            (y == top ? own : others) += drop;
        }
        double pull = 0;
        if (p_.z_loss != 0) {
            const double lse = maximum / p_.temperature + log_sum;
            nats += weight * p_.z_loss * lse * lse;
            pull = 2.0 * p_.z_loss * weight * lse;
        }
        value = sample * nats;
        if (!keep) return true;

        // p_j·(Σb + pull) - b_j, as in softmax_loss.hpp
        const double scale = sample / out_.divisor / p_.temperature, all = own + others;
        const double factor = scale * (all + pull) / (softmax_.unit() * sum);
        if (!(std::fabs(factor) < 0x1p-40 && scale < 0x1p20 && (scale == 0 || scale > 0x1p-100))) return false;
        const double complement = sums.rest / sum;
        const double at_top = (own > others ? others - all * complement : all / sum - own) + pull / sum;
        const double label_spread = spread == Spread::rows && y >= 0 ? (double)share[y] : even;
        const double at_other_label = at_label * ((all + pull) / sum) - (drop + label_spread);
        softmax_.each_tile([&](std::int64_t first, std::int64_t count, float *e, double own_scale) {
            scale_tile<spread>(e, spread == Spread::rows ? share + first : nullptr, count, factor * own_scale, scale,
                               even * scale);
            if (y >= first && y < first + count) e[y - first] = (float)(scale * at_other_label);
            if (top >= first && top < first + count) e[top - first] = (float)(scale * at_top);
            store_floats(out_.derivative, r, first, count, e);
        });
        return true;
    }

    double logit(std::int64_t r, std::int64_t y) const {
        return KeptClasses(p_.mask, r)(y) ? element(p_.predictions, r, y) : -__builtin_inf();
    }

    const RowProblem &p_;
    const Results &out_;
    SingleWideSoftmax softmax_;
    const float *common_;
    const Worker &worker_;
    std::int64_t classes_;
    float *share_;
};

}  // namespace

double run_single_wide(const RowProblem &p, const Results &out) {
    const Chunks chunks(p.predictions.rows, p.predictions.cols);
    const Exp32 exp(p.temperature);
    const Scratch doubles(chunks.threads(), Worker::array_count, p.predictions.cols);
    const std::int64_t floats = WideRows::floats(p.predictions.cols);
    const Scratch memory(chunks.threads(), 1, floats / 2 + 1);
    const std::vector<float> common = common_shares(p);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           const Worker worker{p, out, doubles, thread};
                           WideRows rows(p, out, exp, common.empty() ? nullptr : common.data(), worker,
                                         (float *)memory.array(thread, 0));
                           const Part part = add_losses(out, begin, end, [&](std::int64_t r) { return rows.run(r); });
                           fence();
                           return part;
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
