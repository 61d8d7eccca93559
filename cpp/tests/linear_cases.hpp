// A linear model's problem for tests: by plain loops in double, and by the core.
#pragma once

#include <algorithm>
#include <string>

#include "check.hpp"
#include "instruction_sets.hpp"
#include "matrices.hpp"

namespace crossentropy::CE_ISA {

struct Case {
    std::int64_t rows, features, classes;
    Doubles x, shift, scale, coef, intercept, weight, origin;
    std::vector<std::int64_t> labels, chosen;

    Case(std::int64_t n, std::int64_t d, std::int64_t k, bool shifted)
        : rows(n),
          features(d),
          classes(k),
          x(random_numbers(n * d, 1, -4, 4)),
          coef(random_numbers(k * d, 2, -1, 1)),
          intercept(random_numbers(k, 3, -1, 1)),
          weight(random_numbers(n, 4, 0, 2)),
          origin(random_numbers(d, 5, -1, 1)) {
        if (shifted) shift = random_numbers(d, 6, -1, 1), scale = random_numbers(d, 7, 0.5, 2);
        for (std::int64_t r = 0; r < n; ++r) labels.push_back(r * 7919 % k);
        for (std::int64_t r = n - 1; r >= 0; r -= 3) chosen.push_back(r);
    }

    double standardised(std::int64_t r, std::int64_t d) const {
        const double value = x[r * features + d];
        return shift.empty() ? value : (value - shift[d]) * scale[d];
    }
    Features features_in(const Matrix &matrix) const {
        return {matrix.view, shift.empty() ? nullptr : shift.data(), scale.empty() ? nullptr : scale.data()};
    }
    RowProblem softmax() const {
        RowProblem p;
        p.targets.present = true;
        p.targets.data = (void *)labels.data();
        p.targets.dtype = DType::i64;
        p.targets.rows = p.targets.shape[0] = rows;
        p.targets.cols = p.targets.dims = 1;
        p.targets.stride[0] = 1;
        return p;
    }
};

struct Variant {
    DType dtype;
    Layout layout;
    bool single;
};

constexpr Variant variants[] = {
    {DType::f32, Layout::rows, true},        {DType::f64, Layout::rows, false},
    {DType::f32, Layout::padded_rows, true}, {DType::f64, Layout::padded_rows, true},
    {DType::f32, Layout::columns, false},    {DType::f64, Layout::columns, true},
};

// Sums of two arrays in one: Σ w·(x - origin), then Σ w·(x - origin)².
inline Doubles exact_moments(const Case &c) {
    Doubles sums((std::size_t)(2 * c.features));
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t d = 0; d < c.features; ++d) {
            const double away = c.standardised(r, d) - c.origin[d];
            sums[d] += c.weight[r] * away;
            sums[c.features + d] += c.weight[r] * away * away;
        }
    return sums;
}

inline Doubles moments(const Case &c, const Variant &variant, std::int64_t *first_not_finite = nullptr) {
    const Matrix x(c.rows, c.features, variant.dtype, variant.layout, c.x);
    Doubles sums((std::size_t)(2 * c.features));
    MomentsProblem p;
    p.features = c.features_in(x);
    p.weight = c.weight.data();
    p.origin = c.origin.data();
    p.sum = sums.data();
    p.square = sums.data() + c.features;
    const std::int64_t found = kernels().run_moments(p);
    if (first_not_finite) *first_not_finite = found;
    return sums;
}

// Of all rows and a feature of ones, or of the chosen rows alone.
inline Doubles exact_gram(const Case &c, bool all) {
    const std::int64_t size = c.features + all, count = all ? c.rows : (std::int64_t)c.chosen.size();
    Doubles gram((std::size_t)(size * size)), row((std::size_t)size, 1.0);
    for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t d = 0; d < c.features; ++d) row[d] = c.standardised(all ? i : c.chosen[i], d);
        for (std::int64_t a = 0; a < size; ++a)
            for (std::int64_t b = 0; b < size; ++b) gram[a * size + b] += c.weight[i] * row[a] * row[b];
    }
    return gram;
}

inline Doubles gram(const Case &c, const Variant &variant, bool all) {
    const Matrix x(c.rows, c.features, variant.dtype, variant.layout, c.x);
    const std::int64_t size = c.features + all;
    Doubles gram((std::size_t)(size * size));
    GramProblem p;
    p.features = c.features_in(x);
    p.rows = all ? nullptr : c.chosen.data();
    p.count = all ? c.rows : (std::int64_t)c.chosen.size();
    p.weight = c.weight.data();
    p.intercept = all;
    p.gram = gram.data();
    kernels().run_gram(p);
    return gram;
}

inline Doubles exact_logits(const Case &c) {
    Doubles logits;
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t k = 0; k < c.classes; ++k) {
            double z = c.intercept[k];
            for (std::int64_t d = 0; d < c.features; ++d) z += c.standardised(r, d) * c.coef[k * c.features + d];
            logits.push_back(z);
        }
    return logits;
}

inline Doubles logits(const Case &c, const Variant &variant) {
    const Matrix x(c.rows, c.features, variant.dtype, variant.layout, c.x);
    const Matrix out(c.rows, c.classes, variant.dtype, variant.layout);
    LogitsProblem p;
    p.features = c.features_in(x);
    p.coef = c.coef.data();
    p.intercept = c.intercept.data();
    p.logits = out.view;
    p.single = variant.single;
    kernels().run_logits(p);
    CHECK(out.padding_is_untouched(), "%lld rows, %lld classes", (long long)c.rows, (long long)c.classes);
    return out.values();
}

// A loss and its gradient in one: the sum, then (K, D) for the coefficients, then (K,) for the intercepts.
struct Pass {
    Doubles results;
    double *coef_gradient, *intercept_gradient;

    explicit Pass(const Case &c)
        : results((std::size_t)(1 + c.classes * (c.features + 1))),
          coef_gradient(results.data() + 1),
          intercept_gradient(coef_gradient + c.classes * c.features) {}

    void add_slope(const Case &c, std::int64_t r, std::int64_t k, double slope) {
        for (std::int64_t d = 0; d < c.features; ++d) coef_gradient[k * c.features + d] += slope * c.standardised(r, d);
        intercept_gradient[k] += slope;
    }
};

inline Doubles exact_softmax_pass(const Case &c, const Doubles &logits) {
    Pass pass(c);
    for (std::int64_t r = 0; r < c.rows; ++r) {
        const double *z = logits.data() + r * c.classes, top = *std::max_element(z, z + c.classes);
        double sum = 0;
        for (std::int64_t k = 0; k < c.classes; ++k) sum += std::exp(z[k] - top);
        pass.results[0] += std::log(sum) + top - z[c.labels[r]];
        for (std::int64_t k = 0; k < c.classes; ++k)
            pass.add_slope(c, r, k, std::exp(z[k] - top) / sum - (k == c.labels[r]));
    }
    return pass.results;
}

inline Doubles exact_sigmoid_pass(const Case &c, const Doubles &logits, const Doubles &targets) {
    Pass pass(c);
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t k = 0; k < c.classes; ++k) {
            const double z = logits[r * c.classes + k], t = targets[r * c.classes + k];
            pass.results[0] += std::max(z, 0.0) - t * z + std::log1p(std::exp(-std::fabs(z)));
            pass.add_slope(c, r, k, 1 / (1 + std::exp(-z)) - t);
        }
    return pass.results;
}

inline Weighed run(const RowProblem &p, const LinearProblem &model) { return kernels().run_linear_rows(p, model); }
inline Weighed run(const ElementProblem &p, const LinearProblem &model) {
    return kernels().run_linear_elements(p, model);
}

template <class Problem>
Doubles linear_pass(const Case &c, const Variant &variant, Problem problem, Finding *finding = nullptr) {
    problem.predictions.rows = c.rows;
    problem.predictions.cols = c.classes;
    const Matrix x(c.rows, c.features, variant.dtype, variant.layout, c.x);
    Pass pass(c);
    LinearProblem p;
    p.features = c.features_in(x);
    p.coef = c.coef.data();
    p.intercept = c.intercept.data();
    p.coef_gradient = pass.coef_gradient;
    p.intercept_gradient = pass.intercept_gradient;
    p.single = variant.single;
    const Weighed w = run(problem, p);
    pass.results[0] = w.total;
    if (finding) *finding = w.finding;
    return pass.results;
}

}  // namespace crossentropy::CE_ISA
