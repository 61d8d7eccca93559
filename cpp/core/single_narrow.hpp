// Softmax of rows in float32, one row in each lane: the mathematics of single_wide.cpp, with the loop over the classes
// outside. A row's result does not depend on its neighbours.
#pragma once

#include <type_traits>

#include "blocks.hpp"
#include "mathematics.hpp"

namespace crossentropy::CE_ISA {

constexpr std::int64_t widest_single_row = 128;  // above it, lanes along the classes are faster

// Two vectors of float64: the lanes of one of float32.
struct Pair {
    Vec half[2];

    template <class F>
    static Pair of(F f) {
        return {f(0), f(1)};
    }
    static Pair widen(Vec32 x) { return {low_half(x), high_half(x)}; }
    Vec32 narrow() const { return narrowed(half[0], half[1]); }
};

// Sums over classes in float64, taken over from float32 every 16 classes.
class ClassSum {
  public:
    void add(Vec32 x) {
        part_ += x;
        if (++added_ % 4 == 0) flush();
    }
    Pair value() {
        flush();
        return sum_;
    }

  private:
    void flush() {
        const Pair wide = Pair::widen(part_);
        for (int h = 0; h < 2; ++h) sum_.half[h] += wide.half[h];
        part_ = Vec32{};
    }

    Vec32 part_{};
    Pair sum_{};
    int added_ = 0;
};

struct SingleSoftmax {
    Vec32 largest, origin;
    Pair rest;     // Σ e^(x - x_top) over all classes but the top
    Pair inverse;  // of the top's own power
    Vec32 tops;    // how many classes have the largest logit
    // Where the target gives to all classes: Σ (z - z_top), or Σ share·(z - z_top), the shares of the others and the
    // top's.
    Pair gaps, shares;
    Vec32 top_share;
    Bits32 good;  // not: infinities, a NaN, too large, or a rest that float32 cannot hold

    // Reads z, and writes the powers to e where kept; all arrays have `pitch` floats from class to class.
    template <bool keep, bool gap, bool share>
    void solve(const Exp32 &exp, double temperature, const float *z, std::int64_t classes, const float *given, float *e,
               std::int64_t pitch) {
        constexpr float infinite = __builtin_inff();
        Vec32 best[2] = {splat32(-infinite), splat32(-infinite)};
        for (std::int64_t c = 0; c + 1 < classes; c += 2)
            for (int i = 0; i < 2; ++i) best[i] = larger(load32(z + (c + i) * pitch), best[i]);
        if (classes % 2 != 0) best[0] = larger(load32(z + (classes - 1) * pitch), best[0]);
        largest = larger(best[0], best[1]);
        origin = exp.origin(largest);
        const Vec32 lowest = exp.lowest(largest);
        tops = top_share = Vec32{};
        ClassSum sum, gap_sum, share_sum;
        auto some = [&](std::int64_t c, auto count) {
            constexpr int n = decltype(count)::value;
            Vec32 power[n], apart[n], own[n];
            for (int i = 0; i < n; ++i) {
                const Vec32 x = load32(z + (c + i) * pitch);
                const Bits32 top = x >= largest;
                power[i] = exp(x, origin, lowest);
                if (keep) store(e + (c + i) * pitch, power[i]);
                power[i] = top ? Vec32{} : power[i];
                tops = top ? tops + 1.0f : tops;
                if (!gap) continue;
                apart[i] = x - largest;
                if (!share) continue;
                own[i] = load32(given + (c + i) * pitch);
                apart[i] = own[i] == 0.0f ? Vec32{} : own[i] * apart[i];
                top_share = top ? top_share + own[i] : top_share;
                own[i] = top ? Vec32{} : own[i];
            }
            sum.add(sum_of(power));
            if (gap) gap_sum.add(sum_of(apart));
            if (share) share_sum.add(sum_of(own));
        };
        std::int64_t c = 0;
        for (; c + 4 <= classes; c += 4) some(c, std::integral_constant<int, 4>{});
        if (c + 2 <= classes) {
            some(c, std::integral_constant<int, 2>{});
            c += 2;
        }
        if (c < classes) some(c, std::integral_constant<int, 1>{});
        const Pair powers = sum.value(), others = Pair::widen(tops - 1.0f), x = Pair::widen(largest),
                   n = Pair::widen(origin);
#pragma GCC unroll 2
        for (int h = 0; h < 2; ++h) {
            const Vec reduced = n.half[h] * 0.69314718055994531 - x.half[h] * (1.0 / temperature);
            inverse.half[h] = exp_small(reduced) * power_of_two(splat(-Exp32::boost));
            rest.half[h] = fma(powers.half[h], inverse.half[h], others.half[h]);
        }
        const Vec32 seen = rest.narrow();
        good = (absolute(largest) <= Exp32::largest * (float)temperature) & (seen > 1e-37f) & (seen < infinite);
        if (!gap) return;
        gaps = gap_sum.value();
        shares = share_sum.value();
        good &= absolute(gaps.narrow()) < infinite;
    }

  private:
    template <int n>
    static Vec32 sum_of(const Vec32 (&x)[n]) {
        if constexpr (n == 4)
            return (x[0] + x[1]) + (x[2] + x[3]);
        else
            return n == 2 ? x[0] + x[n - 1] : x[0];
    }
};

}  // namespace crossentropy::CE_ISA
