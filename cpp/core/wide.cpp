// Softmax cross-entropy of rows of float64 against class indices, and its gradient: the plain case, in one pass over
// memory. The loss itself is that of softmax_loss.hpp. Rows with NaN or infinities, and numbers so large or small that
// products of them could leave float64's range, go to the row's worker; which rows those are depends on their numbers
// alone.
#include "wide.hpp"

#include "chunks.hpp"
#include "floats.hpp"
#include "kernels.hpp"
#include "narrow.hpp"
#include "single_shares.hpp"
#include "softmax_loss.hpp"
#include "worker.hpp"

namespace crossentropy::CE_ISA {

namespace {

bool in_range(double x) { return x == 0 || (std::fabs(x) > 0x1p-300 && std::fabs(x) < 0x1p300); }

class WideRows {
  public:
    WideRows(const RowProblem &p, const Results &out, const Powers &powers, const Worker &worker, double *memory)
        : p_(p), out_(out), softmax_(powers, p.predictions.cols, memory), plain_(powers.plain()), worker_(worker) {}

    double run(std::int64_t r) {
        double value;
        return is_kept(p_, r) && solve(r, value) ? value : worker_.run(r);
    }

  private:
    // Logits [first, first + count), where they lie or converted and masked.
    const double *tile(std::int64_t r, std::int64_t first, std::int64_t count) {
        const View &view = p_.predictions;
        if (view.dtype == DType::f64 && view.col_stride == 1 && !p_.mask.given())
            return (const double *)view.data + view.offset(r) + first;
        load_row(view, r, first, count, tile_);
        const KeptClasses kept(p_.mask, r);
        for (std::int64_t j = 0; j < count && kept.flags; ++j) tile_[j] = kept(first + j) ? tile_[j] : -infinity;
        return tile_;
    }

    double logit(std::int64_t r, std::int64_t y) const {
        return KeptClasses(p_.mask, r)(y) ? element(p_.predictions, r, y) : -infinity;
    }

    bool read(std::int64_t r) {
        auto logits = [&](std::int64_t first, std::int64_t count) { return tile(r, first, count); };
        if (out_.order == Order::value)
            return plain_ ? softmax_.read<true, false>(logits) : softmax_.read<false, false>(logits);
        return plain_ ? softmax_.read<true, true>(logits) : softmax_.read<false, true>(logits);
    }

    bool solve(std::int64_t r, double &value) {
        if (!read(r)) return false;
        TargetRow t;
        read_target(t, p_, r, Allowed{nullptr, 0}, nullptr, nullptr);
        const std::int64_t top = softmax_.top(), y = t.label;
        // of e, the loss reads only what belongs to label and top
        SoftmaxRow row;
        row.classes = p_.predictions.cols;
        row.e = softmax_.e();
        row.label = y;
        row.top = top;
        row.maximum = softmax_.maximum() / p_.temperature;
        row.rest = softmax_.rest();
        row.sum = 1.0 + row.rest;
        row.log_sum = std::log1p(row.rest);
        row.e[top] = 1.0;
        if (y != top) {
            const Difference<Vec> gap = gap_to(softmax_.maximum(), splat(logit(r, y)), p_.temperature);
            row.label_gap = gap.high[0];
            row.e[y] = exp_nonpositive(gap.high, gap.low)[0];
        }
        const SoftmaxLoss loss{p_, row, t, nullptr, nullptr};
        const double sample = row_scale(p_, r);
        value = sample * loss.value();
        return out_.order == Order::value || write_gradient(r, loss, sample / out_.divisor / p_.temperature);
    }

    bool write_gradient(std::int64_t r, const SoftmaxLoss &loss, double scale) {
        const SoftmaxLoss::Slopes slopes = loss.label_slopes();
        if (!in_range(scale) || !in_range(slopes.all)) return false;
        const double factor = scale * slopes.all / softmax_.sum();
        const std::int64_t top = loss.row.top, y = loss.row.label;
        const double at_top = scale * loss.at_top(slopes);
        const double at_label = scale * (loss.row.e[y] * (slopes.all / loss.row.sum) - slopes.others);
        const View &to = out_.derivative;
        const bool contiguous = to.dtype == DType::f64 && to.col_stride == 1;
        const bool streamed = to.rows * to.cols >= streamed_bytes / 8;
        softmax_.each_tile([&](std::int64_t first, std::int64_t count, double *e, double own_scale) {
            const double own = factor * own_scale;
            for (std::int64_t j = 0; j < count; j += lanes) store(e + j, load(e + j) * own);
            if (y >= first && y < first + count) e[y - first] = at_label;
            if (top >= first && top < first + count) e[top - first] = at_top;
            if (contiguous && streamed)
                stream_bytes((double *)to.data + to.offset(r) + first, e, 8 * count);
            else
                store_row(to, r, first, count, e);
        });
        return true;
    }

    const RowProblem &p_;
    const Results &out_;
    WideSoftmax softmax_;
    bool plain_;
    double tile_[WideSoftmax::tile];
    const Worker &worker_;
};

}  // namespace

bool is_wide(const RowProblem &p, const Results &out) {
    const bool on_logits = p.family == RowFamily::softmax_cross_entropy || p.family == RowFamily::softmax_kl_divergence;
    return on_logits && p.predictions.cols > widest_narrow_row && p.kind == TargetKind::index && p.smoothing == 0 &&
           p.softcap == 0 && p.temperature > 0x1p-100 && p.temperature < 0x1p100 && out.order <= Order::gradient;
}

double run_wide(const RowProblem &p, const Results &out) {
    const Chunks chunks(p.predictions.rows, p.predictions.cols);
    const Powers powers(p.temperature);
    const Scratch scratch(chunks.threads(), Worker::array_count, p.predictions.cols);
    const Scratch memory(chunks.threads(), 1, WideSoftmax::doubles(p.predictions.cols));
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           const Worker worker{p, out, scratch, thread};
                           WideRows rows(p, out, powers, worker, memory.array(thread, 0));
                           const Part part = add_losses(out, begin, end, [&](std::int64_t r) { return rows.run(r); });
                           fence();
                           return part;
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
