// Softmax of rows of many classes in float32, lanes along the classes. A row is read from memory once, tile by tile;
// its exponentials stay in cache until results are written.
#pragma once

#include <cmath>

#include "floats.hpp"
#include "single_shares.hpp"

namespace crossentropy::CE_ISA {

constexpr std::int64_t tile = 4096;  // floats: 16 KiB, a third of the first cache

// Over all classes but the top: e^x, spread·(z - z_top) and the spread itself.
struct Sums {
    double rest = 0, gaps = 0, spread = 0;
};

struct Reference {
    Vec32 maximum, origin, lowest;
};

template <Spread spread, bool keep>
struct Sweep {
    const Exp32 &exp;
    Reference at;
    Total rest, gaps, shares;

    // One group; lanes of a mask of 0 take no part.
    template <bool masked>
    __attribute__((always_inline)) void add(const float *z, const float *share, float *e, const Bits32 *mask) {
        Vec32 powers[4], gap[4], part[4];
        for (int i = 0; i < 4; ++i) {
            const Vec32 x = load32(z + i * lanes32);
            powers[i] = exp(x, at.origin, at.lowest);
            if (masked) powers[i] = mask[i] ? powers[i] : Vec32{};
            if (keep) store(e + i * lanes32, powers[i]);
            if (spread == Spread::none) continue;
            gap[i] = x - at.maximum;
            if (spread == Spread::rows) {
                part[i] = load32(share + i * lanes32);
                if (masked) part[i] = mask[i] ? part[i] : Vec32{};
                gap[i] = part[i] == 0.0f ? Vec32{} : part[i] * gap[i];
            } else if (masked) {
                gap[i] = mask[i] ? gap[i] : Vec32{};
            }
        }
        rest.add(powers);
        if (spread != Spread::none) gaps.add(gap);
        if (spread == Spread::rows) shares.add(part);
    }

    // A group of fewer than `group` classes, or one with a class to leave out.
    void add_part(const float *z, const float *share, float *e, std::int64_t count, std::int64_t without) {
        float logits[group], parts[group];
        if (count < group) {
            for (int i = 0; i < 4; ++i) store(logits + i * lanes32, at.maximum);
            std::memcpy(logits, z, sizeof(float) * (std::size_t)count);
            if (spread == Spread::rows) std::memcpy(parts, share, sizeof(float) * (std::size_t)count);
            z = logits;
            share = parts;
        }
        Bits32 mask[4];
        for (int i = 0; i < 4; ++i) {
            const Bits32 number = lane_numbers() + i * lanes32;
            mask[i] = (number < (std::int32_t)count) & (number != (std::int32_t)without);
        }
        add<true>(z, share, e, mask);
    }

    // `without`: the top's place in the tile, or -1. `ahead`: what comes next, fetched meanwhile.
    Sums run(const float *z, const float *share, float *e, std::int64_t count, std::int64_t without, const char *ahead,
             std::int64_t ahead_bytes) {
        for (std::int64_t j = 0; j < count; j += group) {
            const std::int64_t left = count - j;
            if (left < group || (without >= j && without < j + group)) {
                add_part(z + j, spread == Spread::rows ? share + j : nullptr, e + j, left < group ? left : group,
                         without - j);
                continue;
            }
            for (std::int64_t b = 0; b < ahead_bytes * group; b += 64) __builtin_prefetch(ahead + j * ahead_bytes + b);
            add<false>(z + j, spread == Spread::rows ? share + j : nullptr, e + j, nullptr);
        }
        return {rest.value(), gaps.value(), shares.value()};
    }
};

inline float find_maximum(const float *z, std::int64_t count) {
    Vec32 best[4];
    for (Vec32 &b : best) b = splat32(-__builtin_inff());
    std::int64_t j = 0;
    for (; j + group <= count; j += group)
        for (int i = 0; i < 4; ++i) best[i] = larger(load32(z + j + i * lanes32), best[i]);
    for (; j + lanes32 <= count; j += lanes32) best[0] = larger(load32(z + j), best[0]);
    float value = largest_lane(larger(larger(best[0], best[1]), larger(best[2], best[3])));
    for (; j < count; ++j) value = z[j] > value ? z[j] : value;
    return value;
}

// Where the maximum stands first; it is there.
inline std::int64_t find(float value, const float *z, std::int64_t count) {
    std::int64_t j = 0;
    for (; j + group <= count; j += group) {
        Bits32 found{};
        for (int i = 0; i < 4; ++i) found |= load32(z + j + i * lanes32) == value;
        if (any(found)) break;
    }
    while (z[j] != value) ++j;
    return j;
}

// One thread's row: what its softmax is made of. Powers are e^x of the tile's scale.
class SingleWideSoftmax {
  public:
    SingleWideSoftmax(const View &logits, const View &mask, const Exp32 &exp, double temperature, float *memory)
        : logits_(logits), mask_(mask), exp_(exp), temperature_(temperature), classes_(logits.cols) {
        e_ = memory;
        tile_ = e_ + padded_classes(classes_);
        origins_ = tile_ + tile;
    }

    // Floats of its memory.
    static std::int64_t floats(std::int64_t classes) { return padded_classes(classes) + tile + classes / tile + 1; }
    static std::int64_t padded_classes(std::int64_t classes) { return (classes + group - 1) / group * group; }

    std::int64_t top() const { return top_; }
    float maximum() const { return maximum_; }
    double unit() const { return unit_; }  // the top's own power

    // What e^x of the tile's scale is for a logit, in float64.
    double power(float z, float origin) const {
        constexpr double log2 = 0.69314718055994531;
        return std::exp((double)z / temperature_ - (origin - Exp32::boost) * log2);
    }

    // The exponentials of a row, their sum, and the top: false where float32 does not do.
    template <Spread spread, bool keep>
    bool read(std::int64_t r, const float *share, Sums &sums) {
        constexpr float infinite = __builtin_inff();
        const View &view = logits_;
        const std::int64_t bytes = view.col_stride != 1 ? 0 : view.dtype == DType::f32 ? 4 : 2;
        const char *row = (const char *)view.data + view.offset(r) * bytes;
        const float limit = exp_.limit();
        top_ = -1;
        maximum_ = -infinite;
        for (std::int64_t first = 0, t = 0; first < classes_; first += tile, ++t) {
            const std::int64_t count = classes_ - first < tile ? classes_ - first : tile;
            const float *z = tile_of(r, first, count);
            const float largest = find_maximum(z, count);
            if (largest > maximum_) {
                if (!(std::fabs(largest) <= limit)) return false;
                const float origin = exp_.origin(largest);
                if (top_ >= 0) {  // the old top joins the rest
                    const double old = power(maximum_, origin_);
                    e_[top_] = (float)old;
                    sums.rest = std::ldexp(sums.rest + old, (int)(origin_ - origin));
                    if (spread == Spread::rows) sums.spread += share[top_];
                    const double apart = (double)maximum_ - (double)largest;
                    sums.gaps += apart * (spread == Spread::rows ? sums.spread : (double)first);
                }
                maximum_ = largest;
                origin_ = origin;
                top_ = first + find(largest, z, count);
            }
            if (top_ < 0) return false;  // nothing but -inf and NaN so far
            origins_[t] = origin_;
            Sweep<spread, keep> sweep{
                exp_, {splat32(maximum_), splat32(origin_), splat32(exp_.lowest(maximum_))}, {}, {}, {}};
            const Sums found = sweep.run(z, share ? share + first : nullptr, e_ + first, count,
                                         top_ >= first ? top_ - first : -1, row + (first + tile) * bytes, bytes);
            sums.rest += found.rest;
            sums.gaps += found.gaps;
            sums.spread += found.spread;
        }
        unit_ = power(maximum_, origin_);
        sums.rest /= unit_;
        return sums.rest > 1e-37 && sums.rest < infinite && std::fabs(sums.gaps) < infinite;
    }

    // f(first, count, powers) for each tile, with what makes its powers those of the row's scale.
    template <class F>
    void each_tile(F f) {
        for (std::int64_t first = 0, t = 0; first < classes_; first += tile, ++t)
            f(first, classes_ - first < tile ? classes_ - first : tile, e_ + first,
              std::ldexp(1.0, (int)(origins_[t] - origin_)));
    }

    // Logits [first, first + count), where they lie or converted.
    const float *tile_of(std::int64_t r, std::int64_t first, std::int64_t count) {
        const View &view = logits_;
        if (view.dtype == DType::f32 && view.col_stride == 1 && !mask_.given())
            return (const float *)view.data + view.offset(r) + first;
        load_floats(view, r, first, count, tile_);
        const KeptClasses kept(mask_, r);
        if (kept.flags && kept.stride == 1) {
            const std::uint8_t *flags = kept.flags + first;
            for (std::int64_t j = 0; j < count; ++j) tile_[j] = flags[j] != 0 ? tile_[j] : -__builtin_inff();
        } else {
            for (std::int64_t j = 0; j < count && kept.flags; ++j)
                tile_[j] = kept(first + j) ? tile_[j] : -__builtin_inff();
        }
        return tile_;
    }

  private:
    const View &logits_, &mask_;
    const Exp32 &exp_;
    double temperature_;
    std::int64_t classes_, top_ = -1;
    float maximum_ = 0, origin_ = 0;
    double unit_ = 1;
    float *e_, *tile_, *origins_;
};

// e·factor - share·scale, or e·factor - even, in place.
template <Spread spread>
inline void scale_tile(float *e, const float *share, std::int64_t count, double factor, double scale, double even) {
    const bool tiny = std::fabs(factor) < 0x1p-100;  // would be subnormal, and lose digits that the result has
    const Vec32 f = splat32((float)(tiny ? factor * 0x1p64 : factor)), s = splat32((float)-scale),
                c = splat32((float)even);
    Vec32 last{};  // the end of a row is not read beyond
    const std::int64_t whole = count / lanes32 * lanes32;
    if (spread == Spread::rows) std::memcpy(&last, share + whole, sizeof(float) * (std::size_t)(count - whole));
    for (std::int64_t j = 0; j < count; j += lanes32) {
        Vec32 x = load32(e + j) * f;
        if (tiny) x *= 0x1p-64f;
        if (spread == Spread::even) x -= c;
        if (spread == Spread::rows) x = fma(j + lanes32 <= count ? load32(share + j) : last, s, x);
        store(e + j, x);
    }
}

}  // namespace crossentropy::CE_ISA
