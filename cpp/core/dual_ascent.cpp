// One epoch of dual coordinate ascent for a linear model of sparse features: each row in turn is given the
// probabilities that are the best while all others keep theirs, and the coefficients follow at once.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels.hpp"
#include "single.hpp"
#include "sparse.hpp"

namespace crossentropy::CE_ISA {

namespace {

// How many rows ahead the coefficients of a row are asked for, its elements, and where these begin.
constexpr std::int64_t rows_ahead = 2, elements_ahead = 8, starts_ahead = 16;

// Iterations at most: few take part but in the first epochs.
constexpr int most_iterations = 50;

// What the sum of a row's probabilities may be off by before they are divided by it.
constexpr float near = 2e-6f;

constexpr float never = -1e30f;

// e^x for x <= 38.
inline Vec32 exp_small(Vec32 x) { return exp_boosted(x) * 0x1p-60f; }

// log x for normal x > 0 within 0.03: its exponent, and its fraction as if the logarithm were linear.
inline Vec32 about_log(Vec32 x) {
    const Vec32 binary = __builtin_convertvector((Bits32)x, Vec32) * 0x1p-23f - (127.0f - 0.043f);
    return binary * 0.693147181f;
}

// Wright's omega function, the w > 0 with w + log w = x: Newton's method for its logarithm, which after three steps is
// within a few units of the last place of 1 + |log w|.
inline Vec32 omega(Vec32 x) {
    const Vec32 right = larger(x, Vec32{}), start = right + 0.567f - about_log(1.0f + right);
    Vec32 y = x > 0.0f ? about_log(start) : x, step{}, w{};
    for (int i = 0; i < 3; ++i) {
        w = exp_small(y);
        step = (x - y - w) / (1.0f + w);
        y += step;
    }
    return w * (1.0f + step * (1.0f + 0.5f * step));
}

float sum(Vec32 x) { return (float)sum_of_lanes(low_half(x) + high_half(x)); }

// One row: its logits u, what it weighs for each class, its probabilities q of before and now, and p that the logits
// say; up to whole vectors `never`, or zeros.
struct Row {
    std::int64_t classes, length;
    std::vector<float> u, weight, q, p, now, x;

    Row(std::int64_t classes, std::int64_t step)
        : classes(classes), length((classes + lanes32 - 1) / lanes32 * lanes32) {
        for (std::vector<float> *v : {&weight, &q, &p, &now, &x}) v->assign((std::size_t)std::max(length, step), 0.0f);
        u.assign(weight.size(), never);
    }
    template <class F>
    void each(F f) {
        for (std::int64_t k = 0; k < length; k += lanes32) f((std::size_t)k);
    }
};

// Of all classes together: log q' + curvature·(q' - q) = u - λ, where λ makes their sum 1. With w = curvature·q' that
// is w + log w = x - λ: the sum of w is convex in λ, so that Newton's method ends.
void exclusive(Row &r, float size) {
    const float curvature = std::max(r.weight[0] * size, 1e-30f), logarithm = std::log(curvature);
    Vec32 tops = splat32(never), highs = splat32(never);
    r.each([&](std::size_t k) {
        const Vec32 u = load32(&r.u[k]), v = u + curvature * load32(&r.q[k]);
        tops = larger(tops, u);
        highs = larger(highs, v);
        store(&r.x[k], v + logarithm);
    });
    const float top = largest_lane(tops), highest = largest_lane(highs), count = (float)r.classes;
    Vec32 total{};
    r.each([&](std::size_t k) {
        const Vec32 e = exp_negative(top - load32(&r.u[k]));
        store(&r.p[k], e);
        total += e;
    });
    const float mass = sum(total), inverse = 1.0f / mass;
    r.each([&](std::size_t k) { store(&r.p[k], load32(&r.p[k]) * inverse); });

    const float least = highest - curvature, most = highest - curvature / count + std::log(count);
    float at = std::max(least, std::min(top + std::log(mass), most)), found = 0;
    for (int i = 0; i < most_iterations; ++i) {
        Vec32 all{}, slopes{};
        r.each([&](std::size_t k) {
            const Vec32 w = omega(load32(&r.x[k]) - at);
            store(&r.now[k], w);
            all += w;
            slopes += w / (1.0f + w);
        });
        found = sum(all);
        const float excess = found - curvature;
        if (std::fabs(excess) <= near * curvature) break;
        at = std::max(least, at + excess / sum(slopes));
    }
    const float unit = 1.0f / found;
    r.each([&](std::size_t k) { store(&r.now[k], load32(&r.now[k]) * unit); });
}

Vec32 sigmoid(Vec32 z) {
    const Vec32 e = exp_negative(absolute(z)), small = e / (1.0f + e);
    return z < 0.0f ? small : 1.0f - small;
}

// Of each class by itself, by its logit z: z + curvature·σ(z) = u + curvature·q. Newton's method, kept in an interval.
void independent(Row &r, float size) {
    r.each([&](std::size_t k) {
        const Vec32 curvature = load32(&r.weight[k]) * size, u = load32(&r.u[k]), v = u + curvature * load32(&r.q[k]);
        Vec32 low = v - curvature, high = v, z = u, s = sigmoid(z);
        store(&r.p[k], s);
        for (int i = 0; i < most_iterations; ++i) {
            const Vec32 excess = z + curvature * s - v;
            if (!any(absolute(excess) > near * (1.0f + absolute(v)))) break;
            low = excess < 0.0f ? z : low;
            high = excess < 0.0f ? high : z;
            const Vec32 next = z - excess / (1.0f + curvature * s * (1.0f - s)), middle = 0.5f * (low + high);
            z = next > low && next < high ? next : middle;
            s = sigmoid(z);
        }
        store(&r.now[k], s);
    });
}

// Σ weight·(q - p)²/(q + p): near the divergence of q from p where they are near each other.
double apart(Row &r) {
    Vec32 total{};
    r.each([&](std::size_t k) {
        const Vec32 q = load32(&r.q[k]), p = load32(&r.p[k]), off = q - p;
        total += load32(&r.weight[k]) * (off * off / larger(q + p, splat32(1e-30f)));
    });
    return sum(total);
}

// Rows in the order asked for, read ahead: one is at hand while the coefficients of the next are on their way.
class Queue {
  public:
    Queue(const DualAscentProblem &p, std::int64_t step)
        : p_(p),
          reader_(p.features),
          step_(step),
          room_(std::max<std::int64_t>(p.features.longest, 1)),
          columns_((std::size_t)(room_ * slots)),
          values_((std::size_t)(room_ * slots)) {
        for (std::int64_t i = 0; i < rows_ahead; ++i) prepare(i);
    }

    void prepare(std::int64_t i) {
        const std::int64_t rows = p_.features.rows;
        if (i + starts_ahead < rows) __builtin_prefetch(p_.features.starts + p_.order[i + starts_ahead]);
        if (i + elements_ahead < rows) {
            const std::int64_t soon = p_.order[i + elements_ahead];
            reader_.ask(soon);
            __builtin_prefetch(p_.weight + (p_.is_exclusive ? soon : soon * p_.classes));
        }
        if (i >= rows) return;
        const std::int64_t r = p_.order[i], count = reader_.read(r, columns(i), values(i)), *own = columns(i);
        counts_[i % slots] = count;
        for (std::int64_t j = 0; j < count; ++j)
            for (std::int64_t k = 0; k < step_; k += 16) __builtin_prefetch(p_.coef + own[j] * step_ + k, 1);
        for (std::int64_t k = 0; k < p_.classes; k += 16) __builtin_prefetch(p_.duals + r * p_.classes + k, 1);
    }
    std::int64_t count(std::int64_t i) const { return counts_[i % slots]; }
    std::int64_t *columns(std::int64_t i) { return columns_.data() + i % slots * room_; }
    float *values(std::int64_t i) { return values_.data() + i % slots * room_; }

  private:
    static constexpr std::int64_t slots = rows_ahead + 1;

    const DualAscentProblem &p_;
    SparseReader<float> reader_;
    std::int64_t step_, room_, counts_[slots] = {};
    std::vector<std::int64_t> columns_;
    std::vector<float> values_;
};

}  // namespace

double run_dual_ascent(const DualAscentProblem &p) {
    const std::int64_t classes = p.classes, step = sparse_step(classes);
    Queue queue(p, step);
    Row row(classes, step);
    double off = 0;
    for (std::int64_t i = 0; i < p.features.rows; ++i) {
        queue.prepare(i + rows_ahead);
        const std::int64_t r = p.order[i], count = queue.count(i), *columns = queue.columns(i);
        const float *values = queue.values(i);
        float size = (float)p.intercept_size, *duals = p.duals + r * classes;
        for (std::int64_t j = 0; j < count; ++j) size += values[j] * values[j];
        for (std::int64_t k = 0; k < classes; ++k) {
            row.u[(std::size_t)k] = (float)p.intercept[k];
            row.weight[(std::size_t)k] = p.weight[p.is_exclusive ? r : r * classes + k];
            row.q[(std::size_t)k] = duals[k];
        }
        over_classes(step, [&](auto eights, std::int64_t at) {
            gather<eights.value>(columns, values, count, p.coef + at, step, &row.u[(std::size_t)at]);
        });
        p.is_exclusive ? exclusive(row, size) : independent(row, size);
        off += apart(row);
        for (std::int64_t k = 0; k < classes; ++k) {
            const float change = row.weight[(std::size_t)k] * (row.q[(std::size_t)k] - row.now[(std::size_t)k]);
            duals[k] = row.now[(std::size_t)k];
            row.x[(std::size_t)k] = change;
            p.excess[k] += (double)change;
            p.intercept[k] += p.intercept_size * (double)change;
        }
        std::fill(row.x.begin() + classes, row.x.end(), 0.0f);
        over_classes(step, [&](auto eights, std::int64_t at) {
            scatter<eights.value>(columns, values, count, &row.x[(std::size_t)at], p.coef + at, step);
        });
    }
    return off;
}

}  // namespace crossentropy::CE_ISA
