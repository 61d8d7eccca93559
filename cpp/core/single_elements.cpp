// Sigmoid cross-entropy and its kin (soft margin, multi-label soft margin) and their gradients in float32 lanes, for
// results of float32 or less.
#include <cmath>

#include "chunks.hpp"
#include "element_stretch.hpp"
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

bool is_weighted(const ElementProblem &p) {
    return p.class_weight || p.positive_weight || p.row_weight || p.element_weight.given() ||
           p.family == ElementFamily::multilabel_soft_margin;
}

// One thread's work on stretches of elements.
class SingleElements {
  public:
    SingleElements(const ElementProblem &p, const Results &out, const Scratch &doubles, int thread, float *memory)
        : p_(p),
          out_(out),
          doubles_(doubles),
          thread_(thread),
          reading_(p.family == ElementFamily::soft_margin ? Reading::sign
                   : p.smoothing != 0                     ? Reading::smoothed
                                                          : Reading::mass),
          per_row_(p.family == ElementFamily::multilabel_soft_margin) {
        z_ = memory;
        target_ = z_ + stretch;
        loss_ = target_ + stretch;
        slope_ = loss_ + stretch;
        one_ = slope_ + stretch;
        zero_ = one_ + stretch;
    }

    static constexpr std::int64_t floats = 6 * stretch;

    // The losses of a stretch, added up; its derivatives are written, and its losses where each has its own.
    Part run(std::int64_t row, std::int64_t first, std::int64_t count) {
        const bool weighted = is_weighted(p_);
        if (weighted && !weigh(row, first, count)) return in_float64(row, first, count);
        const float *z = source(p_.predictions, row, first, count, z_, 0.0f);
        const float *t = source(p_.targets, row, first, count, target_, 1.0f);
        Part part;
        part.sum.add(unit_ * (weighted ? compute<true>(z, t, count) : compute<false>(z, t, count)));
        if (far_) return in_float64(row, first, count);
        if (suspect_) part.finding = check_targets(p_, row, first, count);
        if (part.finding.fault != Fault::none) return part;
        if (out_.losses.given() && !per_row_) store_floats(out_.losses, row, first, count, loss_);
        if (out_.order == Order::gradient) store_floats(out_.derivative, row, first, count, slope_);
        return part;
    }

  private:
    Part in_float64(std::int64_t row, std::int64_t first, std::int64_t count) const {
        return run_stretch(p_, out_, doubles_, thread_, row, first, count);
    }

    // What the masses of the two classes are multiplied by, as multiples of a unit, which is a power of two times the
    // divisor, so that no derivative is rounded for it; false where float32 does not hold them.
    bool weigh(std::int64_t row, std::int64_t first, std::int64_t count) {
        double *one = doubles_.array(thread_, 0), *zero = doubles_.array(thread_, 1);
        double common = p_.row_weight ? p_.row_weight[row] : 1.0;
        if (per_row_) common /= (double)p_.predictions.cols;
        const double *by_class = p_.class_weight, *by_one = p_.positive_weight;
        if (p_.element_weight.given()) {
            load_row(p_.element_weight, row, first, count, zero);
            for (std::int64_t j = 0; j < count; ++j) zero[j] *= common;
        } else {
            for (std::int64_t j = 0; j < count; ++j) zero[j] = common;
        }
        if (by_class)
            for (std::int64_t j = 0; j < count; ++j) zero[j] *= by_class[first + j];
        for (std::int64_t j = 0; j < count; ++j) one[j] = by_one ? zero[j] * by_one[first + j] : zero[j];
        for (std::int64_t j = count; j % group != 0; ++j) one[j] = zero[j] = 0;
        Vec top{}, least = splat(1e308);
        for (std::int64_t j = 0; j < count; j += lanes)
            for (const Vec &w : {load(one + j), load(zero + j)}) {
                top = larger(w, top);
                least = -larger(-(w == 0.0 ? splat(1e308) : w), -least);
            }
        double largest = 0, smallest = 1e308;
        for (int l = 0; l < lanes; ++l) {
            largest = top[l] > largest ? top[l] : largest;
            smallest = least[l] < smallest ? least[l] : smallest;
        }
        if (!(largest > 0x1p-200 && largest < 0x1p200 && smallest >= largest * 0x1p-30)) return false;
        const double scale = std::ldexp(1.0, std::ilogb(largest / out_.divisor));
        unit_ = out_.divisor * scale;
        if (!(scale > 0x1p-60 && scale < 0x1p60 && unit_ > 0x1p-60 && unit_ < 0x1p60)) return false;
        const double inverse = 1.0 / unit_;
        for (std::int64_t j = 0; j < count || j % group != 0; ++j) {
            one_[j] = (float)(one[j] * inverse);
            zero_[j] = (float)(zero[j] * inverse);
        }
        return true;
    }

    // Where they lie, or converted and filled up to whole groups.
    const float *source(const View &view, std::int64_t row, std::int64_t first, std::int64_t count, float *own,
                        float filling) const {
        if (view.dtype == DType::f32 && view.col_stride == 1 && count % group == 0)
            return (const float *)view.data + view.offset(row) + first;
        load_floats(view, row, first, count, own);
        for (std::int64_t j = count; j % group != 0; ++j) own[j] = filling;
        return own;
    }

    template <bool weighted>
    double compute(const float *z, const float *t, std::int64_t count) {
        const bool slopes = out_.order == Order::gradient;
        if (reading_ == Reading::sign)
            return slopes ? compute<weighted, Reading::sign, true>(z, t, count)
                          : compute<weighted, Reading::sign, false>(z, t, count);
        if (reading_ == Reading::mass)
            return slopes ? compute<weighted, Reading::mass, true>(z, t, count)
                          : compute<weighted, Reading::mass, false>(z, t, count);
        return slopes ? compute<false, Reading::smoothed, true>(z, t, count)
                      : compute<false, Reading::smoothed, false>(z, t, count);
    }

    // With the weighed mass b of the class that the sign of x speaks for, and a of the other:
    // loss = a·|x| + (a + b)·log(1 + e^-|x|), and its derivative sign(x)·σ(|x|)·(a - b·e^-|x|).
    // Without weights a + b = 1. With them only |x| up to 60 is good, whose e^-|x| no weight makes subnormal.
    template <bool weighted, Reading reading, bool slopes>
    double compute(const float *z, const float *t, std::int64_t count) {
        const bool drops = p_.element_weight.given() && !p_.class_weight;  // elements of weight 0, whatever they hold
        const bool keep = out_.losses.given();
        const Vec32 own = splat32((float)(1.0 - p_.smoothing)), even = splat32((float)(0.5 * p_.smoothing)),
                    scale = splat32((float)(unit_ / out_.divisor)), unit = splat32((float)unit_), none{};
        const Bits32 one = (Bits32)splat32(1.0f);
        Bits32 wrong{};     // of sign: any bit; else the highest
        Bits32 beyond{};    // the highest bit
        Vec low{}, high{};  // of single losses, so that the sum does not depend on how rows are cut
        for (std::int64_t j = 0; j < count; j += group) {
            fetch(z + j);
            fetch(t + j);
            Vec32 losses[4];
            for (int i = 0; i < 4; ++i) {
                const std::int64_t at = j + i * lanes32;
                Vec32 x = load32(z + at);
                const Vec32 given = load32(t + at);
                if (weighted && drops) x = load32(zero_ + at) == 0.0f ? none : x;
                const Bits32 sign = (Bits32)x & INT32_MIN;
                Vec32 a, b;
                if (reading == Reading::sign) {
                    wrong |= ((Bits32)given & INT32_MAX) ^ one;
                    a = (Vec32)((((Bits32)x ^ (Bits32)given) >> 31) & one);
                    b = 1.0f - a;
                } else {
                    // the highest bit of -0 and of all that is not from 0 to 1
                    wrong |= (Bits32)given | (Bits32)((Words32)one - (Words32)given);
                    a = (Bits32)x < 0 ? given : 1.0f - given;
                    b = 1.0f - a;
                    if (reading == Reading::smoothed) {
                        a = fma(a, own, even);
                        b = fma(b, own, even);
                    }
                }
                if (weighted) {
                    const Vec32 on_one = load32(one_ + at), on_zero = load32(zero_ + at);
                    a *= sign < 0 ? on_one : on_zero;
                    b *= sign < 0 ? on_zero : on_one;
                }
                const Vec32 size = absolute(x), e = exp_negative(size);
                const Vec32 log_term = log1p_unit(e);
                if (weighted) {
                    beyond |= (Bits32)splat32(60.0f) - (Bits32)size;
                    losses[i] = fma(a + b, log_term, a * size);
                } else {
                    losses[i] = (a == 0.0f ? none : a * size) + log_term;
                }
                if (at + lanes32 > count) losses[i] = lane_numbers() < (std::int32_t)(count - at) ? losses[i] : none;
                if (keep) store(loss_ + at, weighted ? losses[i] * unit : losses[i]);
                if (!slopes) continue;
                const Vec32 slope = (scale / (1.0f + e)) * fma(-b, e, a);
                store(slope_ + at, (Vec32)((Bits32)slope ^ sign));
            }
            for (const Vec32 &x : losses) {
                low += low_half(x);
                high += high_half(x);
            }
        }
        far_ = any(beyond < 0);
        suspect_ = any(reading == Reading::sign ? wrong != 0 : wrong < 0);
        return sum_of_lanes(low + high);
    }

    const ElementProblem &p_;
    const Results &out_;
    const Scratch &doubles_;
    const int thread_;
    const Reading reading_;
    const bool per_row_;
    double unit_ = 1.0;     // of the weights of the stretch
    bool suspect_ = false;  // some target of the stretch may be wrong
    bool far_ = false;      // some prediction is too large for its weight
    float *z_, *target_, *loss_, *slope_, *one_, *zero_;
};

}  // namespace

bool is_single(const ElementProblem &p, const Results &out) {
    const auto wide = [](const View &view) { return view.given() && view.dtype == DType::f64; };
    if (wide(p.predictions) || wide(out.losses) || wide(out.derivative) || out.order > Order::gradient) return false;
    if (p.family == ElementFamily::binary_cross_entropy || p.family == ElementFamily::squared_error ||
        p.focal_gamma != 0 || p.targets.dtype == DType::f64)
        return false;
    // Smoothing and weights would round a mass more often than the stated accuracy allows. A small divisor would
    // magnify the last digits of subnormal numbers; with weights that is seen to by stretches.
    return is_weighted(p) ? p.smoothing == 0 : out.divisor >= 0.25 && out.divisor < 0x1p60;
}

Weighed run_single_elements(const ElementProblem &p, const Results &out) {
    const bool per_row = p.family == ElementFamily::multilabel_soft_margin;
    const std::int64_t cols = p.predictions.cols, width = per_row || cols < stretch ? (cols > 0 ? cols : 1) : stretch;
    const std::int64_t per = (cols + width - 1) / width;
    const Chunks chunks(p.predictions.rows * per, width);
    const Scratch memory(chunks.threads(), 1, SingleElements::floats / 2);
    const Scratch doubles(chunks.threads(), stretch_arrays, is_weighted(p) ? stretch : 0);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        SingleElements elements(p, out, doubles, thread, (float *)memory.array(thread, 0));
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
