// Sigmoid cross-entropy and its kin (soft margin, multi-label soft margin) and their gradients in float32 lanes, for
// results of float32 or less.
#include "chunks.hpp"
#include "element_targets.hpp"
#include "floats.hpp"
#include "kernels.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

namespace {

constexpr std::int64_t stretch = 4096;  // elements: their loads, masses and results stay in the first cache

// The group that lies this far ahead is asked for while this one is computed with.
constexpr std::int64_t ahead = 1024;

inline void fetch(const float *from) {
    for (std::int64_t i = 0; i < group; i += 16) __builtin_prefetch(from + ahead + i);
}

// How masses of the two classes come out of targets.
enum class Reading { mass, smoothed, sign };

// One thread's work on stretches of elements.
class SingleElements {
  public:
    SingleElements(const ElementProblem &p, const Results &out, float *memory)
        : p_(p),
          out_(out),
          reading_(p.family == ElementFamily::soft_margin ? Reading::sign
                   : p.smoothing != 0                     ? Reading::smoothed
                                                          : Reading::mass),
          per_row_(p.family == ElementFamily::multilabel_soft_margin),
          weight_(per_row_ ? 1.0 / (double)p.predictions.cols : 1.0) {
        z_ = memory;
        target_ = z_ + stretch;
        loss_ = target_ + stretch;
        slope_ = loss_ + stretch;
    }

    static constexpr std::int64_t floats = 4 * stretch;

    // The losses of a stretch, added up; its derivatives are written, and its losses where each has its own.
    Part run(std::int64_t row, std::int64_t first, std::int64_t count) {
        const float *z = source(p_.predictions, row, first, count, z_, 0.0f);
        const float *t = source(p_.targets, row, first, count, target_, 1.0f);
        Part part;
        part.sum.add(weight_ * compute(z, t, count));
        if (suspect_) part.finding = check_targets(p_, row, first, count);
        if (part.finding.fault != Fault::none) return part;
        if (out_.losses.given() && !per_row_) store_floats(out_.losses, row, first, count, loss_);
        if (out_.order == Order::gradient) store_floats(out_.derivative, row, first, count, slope_);
        return part;
    }

  private:
    // Where they lie, or converted and filled up to whole groups.
    const float *source(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, float *own,
                        float filling) const {
        if (view.dtype == DType::f32 && view.col_stride == 1 && count % group == 0)
            return (const float *)view.data + view.offset(row) + first;
        load_floats(view, row, first, count, own);
        for (std::int64_t j = count; j % group != 0; ++j) own[j] = filling;
        return own;
    }

    double compute(const float *z, const float *t, std::int64_t count) {
        const bool slopes = out_.order == Order::gradient;
        if (reading_ == Reading::sign)
            return slopes ? compute<Reading::sign, true>(z, t, count) : compute<Reading::sign, false>(z, t, count);
        if (reading_ == Reading::mass)
            return slopes ? compute<Reading::mass, true>(z, t, count) : compute<Reading::mass, false>(z, t, count);
        return slopes ? compute<Reading::smoothed, true>(z, t, count) : compute<Reading::smoothed, false>(z, t, count);
    }

    // With the mass b of the class that the sign of x speaks for, and a = 1 - b of the other:
    // loss = a·|x| + log(1 + e^-|x|), and its derivative sign(x)·σ(|x|)·(a - b·e^-|x|).
    template <Reading reading, bool slopes>
    double compute(const float *z, const float *t, std::int64_t count) {
        const bool keep = out_.losses.given();
        const Vec32 own = splat32((float)(1.0 - p_.smoothing)), even = splat32((float)(0.5 * p_.smoothing)),
                    scale = splat32((float)(weight_ / out_.divisor)), none{};
        const Bits32 one = (Bits32)splat32(1.0f);
        Bits32 wrong{};  // of sign: any bit; else the highest
        Vec low{}, high{};  // of single losses, so that the sum does not depend on how rows are cut
        for (std::int64_t j = 0; j < count; j += group) {
            fetch(z + j);
            fetch(t + j);
            Vec32 losses[4];
            for (int i = 0; i < 4; ++i) {
                const std::int64_t at = j + i * lanes32;
                const Vec32 x = load32(z + at), given = load32(t + at);
                const Bits32 sign = (Bits32)x & INT32_MIN;
                Vec32 a, b;
                if (reading == Reading::sign) {
                    wrong |= ((Bits32)given & INT32_MAX) ^ one;
                    a = (Vec32)((((Bits32)x ^ (Bits32)given) >> 31) & one);
                    b = 1.0f - a;
                } else {
                    wrong |= (Bits32)given | (one - (Bits32)given);  // -0 and all that is not from 0 to 1
                    a = (Bits32)x < 0 ? given : 1.0f - given;
                    b = 1.0f - a;
                    if (reading == Reading::smoothed) {
                        a = fma(a, own, even);
                        b = fma(b, own, even);
                    }
                }
                const Vec32 size = absolute(x), e = exp_negative(size);
                losses[i] = (a == 0.0f ? none : a * size) + log1p_unit(e);
                if (at + lanes32 > count) losses[i] = lane_numbers() < (std::int32_t)(count - at) ? losses[i] : none;
                if (keep) store(loss_ + at, losses[i]);
                if (!slopes) continue;
                const Vec32 slope = (scale / (1.0f + e)) * fma(-b, e, a);
                store(slope_ + at, (Vec32)((Bits32)slope ^ sign));
            }
            for (const Vec32 &x : losses) {
                low += low_half(x);
                high += high_half(x);
            }
        }
        suspect_ = any(reading == Reading::sign ? wrong != 0 : wrong < 0);
        return sum_of_lanes(low + high);
    }

    const ElementProblem &p_;
    const Results &out_;
    const Reading reading_;
    const bool per_row_;
    const double weight_;  // of every element
    bool suspect_ = false;  // some target of the stretch may be wrong
    float *z_, *target_, *loss_, *slope_;
};

}  // namespace

bool is_single(const ElementProblem &p, const Results &out) {
    const auto wide = [](const View &view) { return view.given() && view.dtype == DType::f64; };
    if (wide(p.predictions) || wide(out.losses) || wide(out.derivative) || out.order > Order::gradient) return false;
    return p.family != ElementFamily::binary_cross_entropy && p.family != ElementFamily::squared_error &&
           p.focal_gamma == 0 && out.divisor >= 0.25 && out.divisor < 0x1p60 && !p.class_weight &&
           !p.positive_weight && !p.row_weight && !p.element_weight.given() && p.targets.dtype != DType::f64;
}

Weighed run_single_elements(const ElementProblem &p, const Results &out) {
    const bool per_row = p.family == ElementFamily::multilabel_soft_margin;
    const std::int64_t cols = p.predictions.cols, width = per_row || cols < stretch ? (cols > 0 ? cols : 1) : stretch;
    const std::int64_t per = (cols + width - 1) / width;
    const Chunks chunks(p.predictions.rows * per, width);
    const Scratch memory(chunks.threads(), 1, SingleElements::floats / 2);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        SingleElements elements(p, out, (float *)memory.array(thread, 0));
        Part whole;
        for (std::int64_t unit = begin; unit < end; ++unit) {
            const std::int64_t row = unit / per, from = unit % per * width;
            const std::int64_t to = from + width < cols ? from + width : cols;
            Sum<double> sum;
            for (std::int64_t first = from; first < to; first += stretch) {
                const Part part = elements.run(row, first, to - first < stretch ? to - first : stretch);
                if (part.finding.fault != Fault::none) {
                    fence();
                    return part;
                }
                sum.add(part.sum);
            }
            const double loss = total(sum);
            if (per_row && out.losses.given()) store_row(out.losses, row, 0, 1, &loss);
            whole.sum.add(sum);
        }
        fence();
        return whole;
    });
}

}  // namespace crossentropy::CE_ISA
