// Softmax cross-entropy of rows of many classes in float32 lanes, and its gradient: for logits and results of float32
// or less. A row is read from memory once, tile by tile; its exponentials stay in cache until the gradient is written.
//
// What float32 cannot hold (rows with NaN or infinities, or with a rest so small that its digits are subnormal) goes to
// the row's float64 worker. Which rows those are depends on their numbers alone.
#include <cmath>

#include "chunks.hpp"
#include "floats.hpp"
#include "focal.hpp"
#include "kernels.hpp"
#include "single_shares.hpp"
#include "worker.hpp"

namespace crossentropy::CE_ISA {

namespace {

constexpr std::int64_t tile = 4096;  // floats: 16 KiB, a third of the first cache
constexpr std::int64_t group = 4 * lanes32;

// Over all classes but the top: e^x, spread·(z - z_top) and the spread itself.
struct Sums {
    double rest = 0, gaps = 0, spread = 0;
};

// Sums of float32 vectors in float64, four vectors at a time.
struct Total {
    Vec low{}, high{};

    void add(const Vec32 (&x)[4]) {
        const Vec32 sum = (x[0] + x[1]) + (x[2] + x[3]);
        low += low_half(sum);
        high += high_half(sum);
    }
    double value() const { return sum_of_lanes(low + high); }
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
                add_part(z + j, share + j, e + j, left < group ? left : group, without - j);
                continue;
            }
            for (std::int64_t b = 0; b < ahead_bytes * group; b += 64) __builtin_prefetch(ahead + j * ahead_bytes + b);
            add<false>(z + j, share + j, e + j, nullptr);
        }
        return {rest.value(), gaps.value(), shares.value()};
    }
};

float find_maximum(const float *z, std::int64_t count) {
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
std::int64_t find(float value, const float *z, std::int64_t count) {
    std::int64_t j = 0;
    for (; j + group <= count; j += group) {
        Bits32 found{};
        for (int i = 0; i < 4; ++i) found |= load32(z + j + i * lanes32) == value;
        if (any(found)) break;
    }
    while (z[j] != value) ++j;
    return j;
}

// One thread's work on rows of a problem.
class WideRows {
  public:
    WideRows(const RowProblem &p, const Results &out, const Exp32 &exp, const float *even_row, const Worker &worker,
             float *memory)
        : p_(p), out_(out), exp_(exp), common_(even_row), worker_(worker), classes_(p.predictions.cols) {
        const std::int64_t padded = (classes_ + group - 1) / group * group;
        e_ = memory;
        share_ = e_ + padded;
        logits_ = share_ + padded;
        origins_ = logits_ + tile;
    }

    static std::int64_t floats(std::int64_t classes) {
        return 2 * ((classes + group - 1) / group * group) + tile + classes / tile + 1;
    }

    double run(std::int64_t r) {
        double value;
        if (!is_kept(p_, r) || !solve(r, value)) return worker_.run(r);
        return value;
    }

  private:
    bool has_derivative() const { return out_.order == Order::gradient; }

    // Logits [first, first + count), where they lie or converted.
    const float *tile_of(std::int64_t r, std::int64_t first, std::int64_t count) {
        const View &view = p_.predictions;
        if (view.dtype == DType::f32 && view.col_stride == 1 && !p_.mask.given())
            return (const float *)view.data + view.offset(r) + first;
        load_floats(view, r, first, count, logits_);
        const KeptClasses kept(p_.mask, r);
        for (std::int64_t j = 0; j < count && kept.flags; ++j)
            logits_[j] = kept(first + j) ? logits_[j] : -__builtin_inff();
        return logits_;
    }

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
        if (!read<spread, keep>(r, share, sums)) return false;
        return finish<spread, keep>(r, share, sums, value);
    }

    // What e^x of the tile's scale is for a logit, in float64.
    double power(float z, float origin) const {
        constexpr double log2 = 0.69314718055994531;
        return std::exp((double)z / p_.temperature - (origin - Exp32::boost) * log2);
    }

    // The exponentials of a row, their sum, and the top: false where float32 does not do.
    template <Spread spread, bool keep>
    bool read(std::int64_t r, const float *share, Sums &sums) {
        constexpr float infinite = __builtin_inff();
        const View &view = p_.predictions;
        const std::int64_t bytes = view.col_stride != 1 ? 0 : view.dtype == DType::f32 ? 4 : 2;
        const char *row = (const char *)view.data + view.offset(r) * bytes;
        const float limit = Exp32::largest * (float)p_.temperature;
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
            const Sums found = sweep.run(z, share + first, e_ + first, count, top_ >= first ? top_ - first : -1,
                                         row + (first + tile) * bytes, bytes);
            sums.rest += found.rest;
            sums.gaps += found.gaps;
            sums.spread += found.spread;
        }
        unit_ = power(maximum_, origin_);
        sums.rest /= unit_;
        return sums.rest > 1e-28 && sums.rest < infinite && std::fabs(sums.gaps) < infinite;
    }

    template <Spread spread, bool keep>
    bool finish(std::int64_t r, const float *share, const Sums &sums, double &value) {
        const double sample = row_scale(p_, r), log_sum = std::log1p(sums.rest), sum = 1.0 + sums.rest;
        const double even = spread == Spread::even ? p_.smoothing / (double)classes_ : 0.0;
        double nats = 0, weight = 0, own = 0, others = 0;
        if (spread == Spread::even) {
            nats = even * ((double)classes_ * log_sum - sums.gaps / p_.temperature);
            own = even;
            others = even * (double)(classes_ - 1);
        }
        if (spread == Spread::rows) {
            own = share[top_];
            others = sums.spread;
            nats = (own + others) * log_sum - sums.gaps / p_.temperature;
        }
        weight = own + others;
        std::int64_t y = -1;
        double at_label = 0, drop = 0;
        if (p_.kind == TargetKind::index) {
            y = label(p_.targets, r).value;
            const double part = (1.0 - p_.smoothing) * (p_.class_weight ? p_.class_weight[y] : 1.0);
            const float z = y == top_ ? maximum_ : logit(r, y);
            const double gap = ((double)maximum_ - (double)z) / p_.temperature;
            if (!(gap < 1e300)) return false;
            if (keep || p_.focal_gamma != 0) at_label = y == top_ ? 1.0 : std::exp(-gap);
            const double surprisal = log_sum + gap;
            drop = part;
            double loss = part * surprisal;
            if (p_.focal_gamma != 0) {
                const double probability = at_label / sum;
                const double complement = y == top_ ? sums.rest / sum : (sum - at_label) / sum;
                loss *= focal_factor(complement, p_.focal_gamma);
                drop *= focal_slope(probability, complement, -surprisal, p_.focal_gamma);
            }
            nats += part == 0 ? 0.0 : loss;
            weight += part;
            (y == top_ ? own : others) += drop;
        }
        double pull = 0;
        if (p_.z_loss != 0) {
            const double lse = (double)maximum_ / p_.temperature + log_sum;
            nats += weight * p_.z_loss * lse * lse;
            pull = 2.0 * p_.z_loss * weight * lse;
        }
        value = sample * nats;
        if (!keep) return true;

        // p_j·(Σb + pull) - b_j, as in softmax_loss.hpp
        const double scale = sample / out_.divisor / p_.temperature, all = own + others;
        const double factor = scale * (all + pull) / (unit_ * sum);
        if (!(std::fabs(factor) < 0x1p-40 && scale < 0x1p20 && (scale == 0 || scale > 0x1p-100))) return false;
        const double complement = sums.rest / sum;
        const double at_top = (own > others ? others - all * complement : all / sum - own) + pull / sum;
        const double label_spread = spread == Spread::rows && y >= 0 ? (double)share[y] : even;
        const double at_other_label = at_label * ((all + pull) / sum) - (drop + label_spread);
        for (std::int64_t first = 0, t = 0; first < classes_; first += tile, ++t) {
            const std::int64_t count = classes_ - first < tile ? classes_ - first : tile;
            float *e = e_ + first;
            scale_tile<spread>(e, share + first, count, std::ldexp(factor, (int)(origins_[t] - origin_)), scale,
                               even * scale);
            if (y >= first && y < first + count) e[y - first] = (float)(scale * at_other_label);
            if (top_ >= first && top_ < first + count) e[top_ - first] = (float)(scale * at_top);
            store_floats(out_.derivative, r, first, count, e);
        }
        return true;
    }

    float logit(std::int64_t r, std::int64_t y) const {
        return KeptClasses(p_.mask, r)(y) ? (float)element(p_.predictions, r, y) : -__builtin_inff();
    }

    // e·factor - share·scale, in place
    template <Spread spread>
    static void scale_tile(float *e, const float *share, std::int64_t count, double factor, double scale, double even) {
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

    const RowProblem &p_;
    const Results &out_;
    const Exp32 &exp_;
    const float *common_;
    const Worker &worker_;
    std::int64_t classes_, top_ = -1;
    float maximum_ = 0, origin_ = 0;
    double unit_ = 1;  // the top's own power
    float *e_, *share_, *logits_, *origins_;
};

}  // namespace

double run_single_wide(const RowProblem &p, const Results &out) {
    const Chunks chunks(p.predictions.rows, p.predictions.cols);
    const Exp32 exp(p.temperature);
    const Scratch doubles(chunks.threads(), Worker::array_count, p.predictions.cols);
    const std::int64_t floats = WideRows::floats(p.predictions.cols);
    const Scratch memory(chunks.threads(), 1, floats / 2 + 1);
    std::vector<float> even_row;
    if (has_common_shares(p)) {
        even_row.resize((std::size_t)((p.predictions.cols + group - 1) / group * group));
        fill_shares(p, 0, even_row.data());
    }
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           const Worker worker{p, out, doubles, thread};
                           WideRows rows(p, out, exp, even_row.empty() ? nullptr : even_row.data(), worker,
                                         (float *)memory.array(thread, 0));
                           Sum<double> sum;
                           for (std::int64_t r = begin; r < end; ++r) {
                               const double loss = rows.run(r);
                               if (out.losses.given()) store_row(out.losses, r, 0, 1, &loss);
                               sum.add(loss);
                           }
                           fence();
                           return Part{sum, {}};
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
