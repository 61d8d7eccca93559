// Sigmoid cross-entropy and its kin (soft margin, multi-label soft margin) and their gradients in float32 lanes, for
// results of float32 or less.
#include <cmath>

#include "chunks.hpp"
#include "floats.hpp"
#include "kernels.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

namespace {

constexpr std::int64_t stretch = 4096;  // elements: their loads, masses and results stay in the first cache

// One thread's work on stretches of elements.
class SingleElements {
  public:
    SingleElements(const ElementProblem &p, const Results &out, float *memory)
        : p_(p),
          out_(out),
          weighted_(p.class_weight || p.positive_weight || p.row_weight || p.element_weight.given() ||
                    p.family == ElementFamily::multilabel_soft_margin) {
        z_ = memory;
        target_ = z_ + stretch;
        one_ = target_ + stretch;
        zero_ = one_ + stretch;
        loss_ = zero_ + stretch;
        slope_ = loss_ + stretch;
    }

    static constexpr std::int64_t floats = 6 * stretch;

    // The sum of the losses of a stretch; its derivatives are written, and its losses where each has its own.
    double run(std::int64_t row, std::int64_t first, std::int64_t count) {
        const float *z = source(p_.predictions, row, first, count, z_);
        const float *t = source(p_.targets, row, first, count, target_);
        if (weighted_) weigh(row, first, count);
        const bool losses = out_.losses.given() && p_.family != ElementFamily::multilabel_soft_margin;
        const double sum = out_.order == Order::gradient ? compute<true>(z, t, count) : compute<false>(z, t, count);
        if (losses) store_floats(out_.losses, row, first, count, loss_);
        if (out_.order == Order::gradient) store_floats(out_.derivative, row, first, count, slope_);
        return sum;
    }

  private:
    // Where they lie, or converted and filled up to whole groups.
    const float *source(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, float *own) const {
        if (view.dtype == DType::f32 && view.col_stride == 1 && count % group == 0)
            return (const float *)view.data + view.offset(row) + first;
        load_floats(view, row, first, count, own);
        for (std::int64_t j = count; j % group != 0; ++j) own[j] = 0;
        return own;
    }

    // What the masses of the two classes are multiplied by.
    void weigh(std::int64_t row, std::int64_t first, std::int64_t count) {
        double common = p_.row_weight ? p_.row_weight[row] : 1.0;
        if (p_.family == ElementFamily::multilabel_soft_margin) common /= (double)p_.predictions.cols;
        if (p_.element_weight.given())
            load_floats(p_.element_weight, row, first, count, zero_);
        else
            for (std::int64_t j = 0; j < count; ++j) zero_[j] = 1.0f;
        for (std::int64_t j = 0; j < count; ++j) {
            const double weight = common * zero_[j] * (p_.class_weight ? p_.class_weight[first + j] : 1.0);
            zero_[j] = (float)weight;
            one_[j] = (float)(p_.positive_weight ? weight * p_.positive_weight[first + j] : weight);
        }
        for (std::int64_t j = count; j % group != 0; ++j) one_[j] = zero_[j] = 0;
    }

    template <bool slopes>
    double compute(const float *z, const float *t, std::int64_t count) {
        const bool sign = p_.family == ElementFamily::soft_margin, keep = out_.losses.given();
        const Vec32 own = splat32((float)(1.0 - p_.smoothing)), even = splat32((float)(0.5 * p_.smoothing)),
                    scale = splat32((float)(1.0 / out_.divisor)), none{};
        Vec low{}, high{};  // of single losses, so that the sum does not depend on how rows are cut
        for (std::int64_t j = 0; j < count; j += group) {
            Vec32 losses[4];
            for (int i = 0; i < 4; ++i) {
                const std::int64_t at = j + i * lanes32;
                const Vec32 x = load32(z + at);
                Vec32 mass = load32(t + at);
                if (sign) mass = mass > 0.0f ? splat32(1.0f) : none;
                mass = fma(mass, own, even);
                Vec32 rest = 1.0f - mass;
                if (weighted_) {
                    mass *= load32(one_ + at);
                    rest *= load32(zero_ + at);
                }
                const Vec32 e = exp_negative(absolute(x)), log_term = log1p_unit(e);
                const Vec32 on_one = (x < 0.0f ? -x : none) + log_term, on_zero = (x > 0.0f ? x : none) + log_term;
                losses[i] = (mass == 0.0f ? none : mass * on_one) + (rest == 0.0f ? none : rest * on_zero);
                if (at + lanes32 > count) losses[i] = lane_numbers() < (std::int32_t)(count - at) ? losses[i] : none;
                if (keep) store(loss_ + at, losses[i]);
                if (!slopes) continue;
                const Vec32 likely = 1.0f / (1.0f + e), unlikely = e * likely;
                const Vec32 up = x < 0.0f ? unlikely : likely, down = x < 0.0f ? likely : unlikely;
                const Vec32 slope = ((rest == 0.0f ? none : rest * up) - (mass == 0.0f ? none : mass * down)) * scale;
                store(slope_ + at, slope);
            }
            for (const Vec32 &x : losses) {
                low += low_half(x);
                high += high_half(x);
            }
        }
        return sum_of_lanes(low + high);
    }

    const ElementProblem &p_;
    const Results &out_;
    bool weighted_;
    float *z_, *target_, *one_, *zero_, *loss_, *slope_;
};

}  // namespace

bool is_single(const ElementProblem &p, const Results &out) {
    const auto wide = [](const View &view) { return view.given() && view.dtype == DType::f64; };
    if (wide(p.predictions) || wide(out.losses) || wide(out.derivative) || out.order > Order::gradient) return false;
    return p.family != ElementFamily::binary_cross_entropy && p.family != ElementFamily::squared_error &&
           p.focal_gamma == 0 && out.divisor > 0x1p-60 && out.divisor < 0x1p60 && !p.class_weight &&
           !p.positive_weight && !p.row_weight && !p.element_weight.given() && p.targets.dtype != DType::f64;
}

double run_single_elements(const ElementProblem &p, const Results &out) {
    const bool per_row = p.family == ElementFamily::multilabel_soft_margin;
    const std::int64_t cols = p.predictions.cols, width = per_row || cols < stretch ? (cols > 0 ? cols : 1) : stretch;
    const std::int64_t per = (cols + width - 1) / width;
    const Chunks chunks(p.predictions.rows * per, width);
    const Scratch memory(chunks.threads(), 1, SingleElements::floats / 2);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           SingleElements elements(p, out, (float *)memory.array(thread, 0));
                           Sum<double> sum;
                           for (std::int64_t unit = begin; unit < end; ++unit) {
                               const std::int64_t row = unit / per, from = unit % per * width;
                               const std::int64_t to = from + width < cols ? from + width : cols;
                               Sum<double> part;
                               for (std::int64_t first = from; first < to; first += stretch)
                                   part.add(elements.run(row, first, to - first < stretch ? to - first : stretch));
                               const double loss = total(part);
                               if (per_row && out.losses.given()) store_row(out.losses, row, 0, 1, &loss);
                               sum.add(part);
                           }
                           fence();
                           return Part{sum, {}};
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
