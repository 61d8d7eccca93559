// Softmax of rows in float32, one row in each lane: the mathematics of single_wide.cpp, with the loop over the classes
// outside. A row's result does not depend on its neighbours.
#pragma once

#include <type_traits>

#include "blocks.hpp"
#include "mathematics.hpp"
#include "pair.hpp"

namespace crossentropy::CE_ISA {

constexpr std::int64_t widest_single_row = 128;  // above it, lanes along the classes are faster

// Of a few classes; sums of more are float64.
template <int n>
Vec32 sum_of(const Vec32 (&x)[n]) {
    if constexpr (n == 4)
        return (x[0] + x[1]) + (x[2] + x[3]);
    else
        return n == 2 ? x[0] + x[n - 1] : x[0];
}

// f(count) for all classes, in steps of 4, 2 and 1.
template <class F>
__attribute__((always_inline)) inline void in_steps(std::int64_t classes, F f) {
    for (std::int64_t left = classes / 4; left > 0; --left) f(std::integral_constant<int, 4>{});
    if (classes & 2) f(std::integral_constant<int, 2>{});
    if (classes & 1) f(std::integral_constant<int, 1>{});
}

struct SingleSoftmax {
    Vec32 largest, origin;
    Vec32 tops;                            // how many classes have the largest logit
    Vec32 logit, power, share, top_share;  // at the label; the top's
    Pair powers;                           // Σ over all classes but the tops
    // Where the target gives to all classes: Σ (z - z_top) or Σ share·(z - z_top), and the shares of the others.
    Pair gaps, shares;

    // Reads z, and writes the powers to e where kept; all arrays have `pitch` floats from class to class. `labelled`:
    // what stands at the label is wanted.
    template <bool keep, bool gap, bool share_given, bool labelled>
    static SingleSoftmax read(const Exp32 &given_exp, const float *z, std::int64_t classes, Vec32 labels,
                              const float *given, float *e, std::int64_t pitch) {
        const Exp32 exp = given_exp;  // a copy, which no store can change
        constexpr float infinite = __builtin_inff();
        Vec32 best[2] = {splat32(-infinite), splat32(-infinite)};
        for (std::int64_t c = 0; c + 1 < classes; c += 2)
            for (int i = 0; i < 2; ++i) best[i] = larger(load32(z + (c + i) * pitch), best[i]);
        if (classes % 2 != 0) best[0] = larger(load32(z + (classes - 1) * pitch), best[0]);
        const Vec32 largest = larger(best[0], best[1]), origin = exp.origin(largest), lowest = exp.lowest(largest);
        Vec32 tops{}, logit{}, power{}, share{}, top_share{};
        Pair sum, gap_sum, share_sum;
        in_steps(classes, [&](auto count) __attribute__((always_inline)) {
            constexpr int n = decltype(count)::value;
            Vec32 powers[n], apart[n], own[n];
            for (int i = 0; i < n; ++i, z += pitch) {
                const Vec32 x = load32(z);
                const Bits32 top = x >= largest;
                const Vec32 y = exp(x, origin, lowest);
                if (keep) {
                    store(e, y);
                    e += pitch;
                }
                const Bits32 here = labels == (float)i;
                if (labelled) logit = here ? x : logit;
                if (labelled) power = here ? y : power;
                powers[i] = top ? Vec32{} : y;
                tops = top ? tops + 1.0f : tops;
                if (!gap) continue;
                apart[i] = x - largest;
                if (!share_given) continue;
                own[i] = load32(given);
                given += pitch;
                apart[i] = own[i] == 0.0f ? Vec32{} : own[i] * apart[i];
                if (labelled) share = here ? own[i] : share;
                top_share = top ? top_share + own[i] : top_share;
                own[i] = top ? Vec32{} : own[i];
            }
            labels -= (float)n;
            sum += Pair(sum_of(powers));
            if (gap) gap_sum += Pair(sum_of(apart));
            if (share_given) share_sum += Pair(sum_of(own));
        });
        SingleSoftmax s;
        s.largest = largest;
        s.origin = origin;
        s.tops = tops;
        s.logit = logit;
        s.power = power;
        s.share = share;
        s.top_share = top_share;
        s.powers = sum;
        if (gap) s.gaps = gap_sum;
        if (share_given) s.shares = share_sum;
        return s;
    }

    struct Rest {
        Pair sum;      // Σ e^(x - x_top) over all classes but the top
        Pair inverse;  // of the top's own power
        Bits32 good;   // not: infinities, a NaN, too large, or a sum that float32 cannot hold
    };
    Rest rest(const Exp32 &exp) const {
        const Pair unit = 1.0 / (double)(1ull << Exp32::boost);
        const Pair inverse = fma(Pair(exp.inverse_less_one(largest, origin)), unit, unit);
        const Pair sum = fma(powers, inverse, Pair(tops - 1.0f));
        const Vec32 seen = sum.narrow();
        return {sum, inverse, (absolute(largest) <= exp.limit()) & (seen > 1e-37f) & (seen < __builtin_inff())};
    }
};

// The same at temperature 1 for logits of common size (the largest between -22 and 38), without looking for the largest
// first: the label is left out of the sum, and the loss is log(1 + rest/power).
struct DirectSoftmax {
    Vec32 power;  // of the label
    Pair rest;    // Σ over all other classes
    Bits32 good;  // no power overflows, and what is dropped cannot be seen

    template <bool keep>
    static DirectSoftmax read(const float *z, std::int64_t classes, Vec32 labels, float *e, std::int64_t pitch) {
        Vec32 power{}, top = splat32(-__builtin_inff());
        Pair sum;
        in_steps(classes, [&](auto count) __attribute__((always_inline)) {
            constexpr int n = decltype(count)::value;
            Vec32 others[n];
            for (int i = 0; i < n; ++i, z += pitch) {
                const Vec32 x = load32(z), y = exp_boosted(x);
                const Bits32 here = labels == (float)i;
                if (keep) {
                    store(e, y);
                    e += pitch;
                }
                top = larger(x, top);
                power = here ? y : power;
                others[i] = here ? Vec32{} : y;
            }
            labels -= (float)n;
            for (int i = 0; i + 1 < n; i += 2) sum += Pair(others[i] + others[i + 1]);
            if (n % 2 != 0) sum += Pair(others[n - 1]);
        });
        DirectSoftmax s;
        s.power = power;
        s.rest = sum;
        s.good = absolute(top - 8.0f) < 30.0f;
        return s;
    }
};

}  // namespace crossentropy::CE_ISA
