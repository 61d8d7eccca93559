// Softmax cross-entropy of narrow rows against class indices, and the softmax activations of narrow rows.
#include "narrow.hpp"

#include "chunks.hpp"
#include "kernels.hpp"
#include "softmax.hpp"
#include "targets.hpp"

namespace crossentropy::CE_ISA {

namespace {

enum Array { exponentials, output, array_count };

Chunks narrow_chunks(const View &rows) { return Chunks((rows.rows + lanes - 1) / lanes, lanes * rows.cols); }

Vec nan() { return splat(__builtin_nan("")); }

// The losses of one block of rows; 0 in lanes that are dropped or empty.
Vec run_block(const RowProblem &p, const Results &out, std::int64_t first, std::int64_t count, double *e,
              double *derivative) {
    double labels[lanes], weights[lanes], samples[lanes];
    for (std::int64_t l = 0; l < lanes; ++l) {
        const bool kept = l < count && is_kept(p, first + l);
        const std::int64_t y = kept ? label(p.targets, first + l).value : 0;
        labels[l] = (double)y;
        weights[l] = p.class_weight ? p.class_weight[y] : 1.0;
        samples[l] = kept ? row_scale(p, first + l) : 0.0;
    }
    const Vec target = load(labels), weight = load(weights), sample = load(samples), zero{};
    load_lanes(p.predictions, first, count, e);
    NarrowSoftmax s{e, nullptr, p.predictions.cols, {}, {}, {}, {}, {}};
    Vec at_target{};
    s.solve(target, at_target);
    const Bits dropped = sample == 0.0, hit = target == s.top;
    if (out.order == Order::gradient) {
        const Vec share = weight / (1.0 + s.rest), scale = sample / out.divisor;
        for (std::int64_t j = 0; j < s.classes; ++j) {
            const Vec pull = load(e + j * lanes) * share;
            const Vec at_label = hit ? -(s.rest * share) : pull - weight;
            const Vec slope = target == (double)j ? at_label : pull;
            store(derivative + j * lanes, dropped ? zero : (s.defined ? slope * scale : nan()));
        }
        store_lanes(out.derivative, first, count, derivative);
    }
    const Vec nats = (hit ? zero : s.largest - at_target) + log1p_nonnegative(s.rest);
    const Vec loss = weight == 0.0 ? zero : weight * nats;
    return dropped ? zero : (s.defined ? sample * loss : nan());
}

}  // namespace

bool is_narrow(const RowProblem &p, const Results &out) {
    const bool plain = p.family == RowFamily::softmax_cross_entropy && p.kind == TargetKind::index &&
                       p.smoothing == 0 && !p.mask.given() && p.softcap == 0 && p.temperature == 1 && p.z_loss == 0 &&
                       p.focal_gamma == 0;
    return plain && p.predictions.cols <= widest_narrow_row && out.order <= Order::gradient;
}

double run_narrow(const RowProblem &p, const Results &out) {
    const Chunks chunks = narrow_chunks(p.predictions);
    const Scratch scratch(chunks.threads(), array_count, lanes * p.predictions.cols);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           Sum<Vec> sum;
                           for (std::int64_t block = begin; block < end; ++block) {
                               const std::int64_t first = block * lanes, left = p.predictions.rows - first;
                               const std::int64_t count = left < lanes ? left : lanes;
                               const Vec losses = run_block(p, out, first, count, scratch.array(thread, exponentials),
                                                            scratch.array(thread, output));
                               sum.add(losses);
                               double values[lanes];
                               store(values, losses);
                               if (out.losses.given()) store_lanes(out.losses, first, count, values);
                           }
                           return Part{across(sum), {}};
                       })
        .total;
}

bool is_narrow(const ActivationProblem &p) {
    return p.kind <= Activation::logsumexp && !p.cotangent.given() && p.input.cols <= widest_narrow_row;
}

void activate_narrow(const ActivationProblem &p) {
    const Chunks chunks = narrow_chunks(p.input);
    const Scratch scratch(chunks.threads(), array_count, lanes * (p.input.cols + 1));
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        double *result = scratch.array(thread, output);
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * lanes, left = p.input.rows - first;
            const std::int64_t count = left < lanes ? left : lanes;
            NarrowSoftmax s{scratch.array(thread, exponentials), result, p.input.cols, {}, {}, {}, {}, {}};
            load_lanes(p.input, first, count, s.e);
            Vec unused{};
            s.solve(splat(-1.0), unused);
            const Vec sum = 1.0 + s.rest, log_sum = log1p_nonnegative(s.rest);
            if (p.kind == Activation::logsumexp) {
                const Vec lse = absolute(s.largest) == infinity ? s.largest : s.largest + log_sum;
                store(result, s.any_nan ? nan() : lse);
            }
            for (std::int64_t j = 0; p.kind != Activation::logsumexp && j < s.classes; ++j) {
                const Vec y =
                    p.kind == Activation::softmax ? load(s.e + j * lanes) / sum : load(result + j * lanes) - log_sum;
                store(result + j * lanes, s.defined ? y : nan());
            }
            store_lanes(p.output, first, count, result);
        }
        return Part{};
    });
}

}  // namespace crossentropy::CE_ISA
