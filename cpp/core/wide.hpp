// Softmax of rows of many classes in float64, lanes along the classes. A row is read from memory once, tile by tile;
// its exponentials stay in cache until results are written.
//
// Powers are e^x·2^-origin, x = z/T, where 2^origin is about the largest e^x so far. So no logit needs the row's
// maximum, which is known only at its end, and a larger one found later costs no digit: origins differ by powers of 2.
#pragma once

#include <cmath>
#include <cstring>

#include "softmax.hpp"

namespace crossentropy::CE_ISA {

// e^(z/T)·2^-origin for many z.
class Powers {
  public:
    explicit Powers(double temperature)
        : plain_(temperature == 1.0),
          temperature_(temperature),
          inverse_(1.0 / temperature),
          inverse_low_(std::fma(-inverse_, temperature, 1.0) / temperature) {}

    bool plain() const { return plain_; }

    // Whether n·log 2 is exact for the largest logit and all that count beside it.
    bool fits(double largest) const { return std::fabs(largest) <= 5e4 * temperature_; }
    double origin(double largest) const { return std::floor(exponential<false>(splat(largest)).n[0]); }
    // Logits below it have powers of 0.
    double lowest(double origin) const { return (origin - 1080.0) * 0.69314718055994531 * temperature_; }

    template <bool plain>
    Vec power(Vec z, Vec origin, Vec lowest) const {
        const Exponential x = exponential<plain>(larger(lowest, z));
        return times_power_of_two(x.y, x.n - origin);
    }

    // With its rounding error.
    Difference<double> accurate_power(double z, double origin) const {
        const Exponential x = exponential<false>(splat(z));
        const double scale = std::ldexp(1.0, (int)(std::floor(x.n[0]) - origin));
        return {scale * x.y[0], scale * x.error[0]};
    }

  private:
    template <bool plain>
    Exponential exponential(Vec z) const {
        if (plain) return CE_ISA::exponential(z, Vec{});
        const Vec x = z * inverse_;
        return CE_ISA::exponential(x, fma(z, splat(inverse_low_), product_error(z, splat(inverse_), x)));
    }

    bool plain_;
    double temperature_, inverse_, inverse_low_;
};

// One thread's row.
class WideSoftmax {
  public:
    static constexpr std::int64_t tile = 2048;        // 16 KiB, a third of the first cache
    static constexpr std::int64_t group = 4 * lanes;  // what the sweep takes at a time
    static std::int64_t doubles(std::int64_t classes) { return padded_classes(classes) + classes / tile + 1; }

    WideSoftmax(const Powers &powers, std::int64_t classes, double *memory)
        : powers_(powers), classes_(classes), e_(memory), origins_(memory + padded_classes(classes)) {}

    // The powers of a row where `keep`, their sum, the top: false for a row with NaN or infinities that count.
    // logits(first, count) gives those of a tile.
    template <bool plain, bool keep, class Logits>
    bool read(Logits logits) {
        top_ = -1;
        maximum_ = -infinity;
        rest_ = {};
        for (std::int64_t first = 0, t = 0; first < classes_; first += tile, ++t) {
            const std::int64_t count = classes_ - first < tile ? classes_ - first : tile;
            const Tile part(logits(first, count), count);
            auto fetch = [&](std::int64_t j) { return load(part.at(j)); };
            const double largest = find_maximum(part.length, fetch);
            if (largest > maximum_) {
                if (!powers_.fits(largest)) return false;
                rise<keep>(largest);
                top_ = first + find(largest, part.length, fetch);
            }
            if (top_ < 0) return false;  // nothing but -inf and NaN so far
            origins_[t] = origin_;
            rest_.add(sweep<plain, keep>(part, first));
        }
        const Difference<double> unit = powers_.accurate_power(maximum_, origin_);
        const double rest = total(rest_);
        sum_ = unit.high + rest;
        rest_over_top_ = rest / unit.high * (1.0 - unit.low / unit.high);
        return rest == rest;
    }

    std::int64_t top() const { return top_; }
    double maximum() const { return maximum_; }
    double rest() const { return rest_over_top_; }  // Σ_{j≠top} e^(x_j - x_top)
    double sum() const { return sum_; }             // of all powers
    double *e() const { return e_; }

    // f(first, count, powers, what makes them those of the row's origin) for each tile.
    template <class F>
    void each_tile(F f) const {
        for (std::int64_t first = 0, t = 0; first < classes_; first += tile, ++t)
            f(first, classes_ - first < tile ? classes_ - first : tile, e_ + first,
              std::ldexp(1.0, (int)(origins_[t] - origin_)));
    }

  private:
    static std::int64_t padded_classes(std::int64_t n) { return (n + group - 1) / group * group; }

    // Logits where they lie; only the last group, where it is not whole, is a copy, filled up with -inf.
    struct Tile {
        const double *z;
        std::int64_t whole, length;
        double last[group];

        Tile(const double *logits, std::int64_t count)
            : z(logits), whole(count / group * group), length(padded_classes(count)) {
            if (whole == length) return;
            for (double &x : last) x = -infinity;
            std::memcpy(last, z + whole, sizeof(double) * (std::size_t)(count - whole));
        }
        const double *at(std::int64_t j) const { return j < whole ? z + j : last + (j - whole); }
    };

    // A new maximum: the old top joins the rest, which takes the new origin.
    template <bool keep>
    void rise(double largest) {
        const double origin = powers_.origin(largest);
        if (top_ >= 0) {
            const double old = powers_.accurate_power(maximum_, origin_).high;
            if (keep) e_[top_] = old;
            rest_.add(old);
            const double scale = std::ldexp(1.0, (int)(origin_ - origin));
            rest_ = {rest_.high * scale, rest_.low * scale};
        }
        maximum_ = largest;
        origin_ = origin;
    }

    // The sum of a tile's powers but the top's.
    template <bool plain, bool keep>
    Sum<double> sweep(const Tile &part, std::int64_t first) {
        const Vec origin = splat(origin_), lowest = splat(powers_.lowest(origin_));
        const std::int64_t without = top_ - first;
        Sum<Vec> sum;
        double copy[group];
        for (std::int64_t j = 0; j < part.length; j += group) {
            const double *z = part.at(j);
            if (without >= j && without < j + group) {
                std::memcpy(copy, z, sizeof copy);
                copy[without - j] = -infinity;
                z = copy;
            }
            for (std::int64_t b = 0; b < group; b += 8) __builtin_prefetch(part.z + tile + j + b);
            Vec e[4];
            for (int i = 0; i < 4; ++i) {
                e[i] = powers_.power<plain>(load(z + i * lanes), origin, lowest);
                if (keep) store(e_ + first + j + i * lanes, e[i]);
            }
            sum.add((e[0] + e[1]) + (e[2] + e[3]));
        }
        return across(sum);
    }

    const Powers &powers_;
    std::int64_t classes_, top_ = -1;
    double maximum_ = 0, origin_ = 0, rest_over_top_ = 0, sum_ = 1;
    Sum<double> rest_;
    double *e_, *origins_;
};

}  // namespace crossentropy::CE_ISA
