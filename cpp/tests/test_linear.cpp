// Linear models on every instruction set, against plain loops in double: sizes around those of tiles, panels, groups of
// rows and stripes, arrays of any strides with NaN between their rows, the same bits for any number of threads.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "instruction_sets.hpp"
#include "parallel.hpp"

using namespace crossentropy;

namespace {

using Doubles = std::vector<double>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

enum class Layout { rows, padded_rows, columns };

// A matrix of float32 or float64 whose memory holds NaN wherever it has no element of its own.
struct Matrix {
    std::vector<float> singles;
    Doubles doubles;
    View view;

    Matrix(const Matrix &) = delete;
    Matrix(std::int64_t rows, std::int64_t cols, DType dtype, Layout layout) {
        view.present = true;
        view.dtype = dtype;
        view.rows = view.shape[0] = rows;
        view.cols = cols;
        view.dims = 1;
        view.stride[0] = layout == Layout::rows ? cols : layout == Layout::padded_rows ? cols + 3 : 1;
        view.col_stride = layout == Layout::columns ? rows + 2 : 1;
        // without padding, memory ends where the matrix does: a sanitizer sees what is read beyond
        const std::size_t size =
            (std::size_t)(layout == Layout::columns ? view.col_stride * cols : view.stride[0] * rows);
        if (dtype == DType::f32)
            singles.assign(size, (float)nan), view.data = singles.data();
        else
            doubles.assign(size, nan), view.data = doubles.data();
    }

    Matrix(std::int64_t rows, std::int64_t cols, DType dtype, Layout layout, const Doubles &values)
        : Matrix(rows, cols, dtype, layout) {
        for (std::int64_t i = 0; i < rows * cols; ++i)
            if (dtype == DType::f32)
                singles[place(i)] = (float)values[(std::size_t)i];
            else
                doubles[place(i)] = values[(std::size_t)i];
    }

    // Where element i in C order lies.
    std::size_t place(std::int64_t i) const {
        return (std::size_t)(view.offset(i / view.cols) + i % view.cols * view.col_stride);
    }
    double at(std::size_t place) const { return singles.empty() ? doubles[place] : (double)singles[place]; }

    Doubles values() const {
        Doubles all((std::size_t)(view.rows * view.cols));
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = at(place((std::int64_t)i));
        return all;
    }

    // Whether the memory beside the elements is as it was.
    bool padding_is_untouched() const {
        std::vector<bool> own(singles.size() + doubles.size());
        for (std::int64_t i = 0; i < view.rows * view.cols; ++i) own[place(i)] = true;
        for (std::size_t i = 0; i < own.size(); ++i)
            if (!own[i] && !std::isnan(at(i))) return false;
        return true;
    }
};

// Numbers that float32 holds.
Doubles random_numbers(std::int64_t count, std::uint32_t seed, double low, double high) {
    Doubles numbers((std::size_t)count);
    std::uint32_t state = seed;
    for (double &x : numbers) {
        state = state * 1664525u + 1013904223u;
        x = (double)(float)(low + (high - low) * (state >> 8) * 0x1p-24);
    }
    return numbers;
}

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
        p.predictions.rows = rows;
        p.predictions.cols = classes;
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
Doubles exact_moments(const Case &c) {
    Doubles sums((std::size_t)(2 * c.features));
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t d = 0; d < c.features; ++d) {
            const double away = c.standardised(r, d) - c.origin[d];
            sums[d] += c.weight[r] * away;
            sums[c.features + d] += c.weight[r] * away * away;
        }
    return sums;
}

Doubles moments(const Case &c, const Variant &variant, std::int64_t *first_not_finite = nullptr) {
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
Doubles exact_gram(const Case &c, bool all) {
    const std::int64_t size = c.features + all, count = all ? c.rows : (std::int64_t)c.chosen.size();
    Doubles gram((std::size_t)(size * size)), row((std::size_t)size, 1.0);
    for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t d = 0; d < c.features; ++d) row[d] = c.standardised(all ? i : c.chosen[i], d);
        for (std::int64_t a = 0; a < size; ++a)
            for (std::int64_t b = 0; b < size; ++b) gram[a * size + b] += c.weight[i] * row[a] * row[b];
    }
    return gram;
}

Doubles gram(const Case &c, const Variant &variant, bool all) {
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

Doubles exact_logits(const Case &c) {
    Doubles logits;
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t k = 0; k < c.classes; ++k) {
            double z = c.intercept[k];
            for (std::int64_t d = 0; d < c.features; ++d) z += c.standardised(r, d) * c.coef[k * c.features + d];
            logits.push_back(z);
        }
    return logits;
}

Doubles logits(const Case &c, const Variant &variant) {
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

Doubles exact_softmax_pass(const Case &c, const Doubles &logits) {
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

Weighed run(const RowProblem &p, const LinearProblem &model) { return kernels().run_linear_rows(p, model); }
Weighed run(const ElementProblem &p, const LinearProblem &model) { return kernels().run_linear_elements(p, model); }

template <class Problem>
Doubles linear_pass(const Case &c, const Variant &variant, const Problem &problem, Finding *finding = nullptr) {
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

// Errors are small beside the largest number of a result; a NaN is never.
void agree(const char *what, const Case &c, const Doubles &ours, const Doubles &exact, bool single) {
    double largest = 1, worst = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const double error = std::fabs(ours[i] - exact[i]);
        if (!(error <= worst)) worst = error, where = i;
        largest = std::max(largest, std::fabs(exact[i]));
    }
    CHECK(worst <= (single ? 1e-5 : 1e-12) * largest,
          "%s, %s: %lld rows, %lld features, %lld classes%s: %.17g instead of %.17g", what, kernels().name,
          (long long)c.rows, (long long)c.features, (long long)c.classes, c.shift.empty() ? "" : ", standardised",
          ours[where], exact[where]);
}

void as_plain_loops(const Case &c, bool products) {
    const Doubles exact = exact_logits(c), pass = exact_softmax_pass(c, exact);
    Doubles sums, grams[2];
    if (products) sums = exact_moments(c), grams[0] = exact_gram(c, false), grams[1] = exact_gram(c, true);
    for (const std::string &name : available()) {
        use_instruction_set(name);
        for (const Variant &v : variants) {
            agree("logits", c, logits(c, v), exact, v.single || v.dtype == DType::f32);
            agree("softmax pass", c, linear_pass(c, v, c.softmax()), pass, v.single);
            if (!products) continue;
            agree("moments", c, moments(c, v), sums, false);
            for (bool all : {false, true}) agree("gram", c, gram(c, v, all), grams[all], true);
        }
    }
}

void all_sizes() {
    int shape = 0;
    for (std::int64_t rows : {0, 1, 11, 13, 1025, 3000})
        for (std::int64_t features : {1, 2, 31, 33, 65})
            for (std::int64_t classes : {2, 3, 16, 17, 33}) {
                const bool shifted = shape++ % 2 == 1;
                if (CE_STRIDE > 1 && shape % 13 != 1) continue;
                as_plain_loops(Case(rows, features, classes, shifted), CE_STRIDE > 1 || classes < 4);
            }
}

// What large numbers differ by is not lost where products are in float32.
void shifted_in_double() {
    Case c(40, 3, 2, true);
    for (double &x : c.x) x += 1e9;
    for (double &s : c.shift) s += 1e9;
    agree("large numbers", c, logits(c, {DType::f64, Layout::rows, true}), exact_logits(c), true);
}

void same_bits_for_any_threads() {
    const Case c(3000, 33, 17, true);
    for (const Variant &v : variants) {
        std::vector<Doubles> first;
        for (int threads : {1, 2, 3}) {
            set_thread_count(threads);
            const std::vector<Doubles> results = {logits(c, v), linear_pass(c, v, c.softmax()), moments(c, v),
                                                  gram(c, v, true)};
            if (threads == 1) first = results;
            for (std::size_t i = 0; i < results.size(); ++i)
                CHECK(std::memcmp(results[i].data(), first[i].data(), 8 * first[i].size()) == 0, "%s: %d threads, %d",
                      kernels().name, threads, (int)i);
        }
    }
}

void first_element_that_is_not_finite() {
    struct {
        std::int64_t row, feature;
        double value;
    } const found[] = {{4999, 8, nan}, {4500, 0, infinity}, {2100, 7, -infinity}, {2100, 3, nan}, {7, 5, infinity}};
    for (int threads : {1, 3})
        for (Layout layout : {Layout::padded_rows, Layout::columns}) {
            set_thread_count(threads);
            Case c(5000, 9, 2, false);
            std::int64_t first = 0;
            moments(c, {DType::f32, layout, false}, &first);
            CHECK(first == -1, "%lld", (long long)first);
            for (const auto &wrong : found) {
                const std::int64_t place = wrong.row * 9 + wrong.feature;
                c.x[(std::size_t)place] = wrong.value;
                moments(c, {DType::f32, layout, false}, &first);
                CHECK(first == place, "%lld instead of %lld", (long long)first, (long long)place);
            }
        }
}

// A pass against the loss of all logits at once.
template <class Problem, class Loss>
void as_all_at_once(const char *what, const Case &c, Problem p, Loss loss) {
    const Variant variant{DType::f64, Layout::rows, false};
    Matrix slopes(c.rows, c.classes, DType::f64, Layout::rows, logits(c, variant));
    p.predictions = slopes.view;
    Results out;
    out.order = Order::gradient;
    out.derivative = slopes.view;
    Pass whole(c);
    whole.results[0] = loss(p, out);
    for (std::int64_t r = 0; r < c.rows; ++r)
        for (std::int64_t k = 0; k < c.classes; ++k) whole.add_slope(c, r, k, slopes.doubles[r * c.classes + k]);
    agree(what, c, linear_pass(c, variant, p), whole.results, false);
}

// What belongs to a row goes with it into its group.
void rows_with_all_that_is_theirs() {
    const Case c(3000, 5, 17, true);
    const Doubles share(c.rows * c.classes, 1.0 / 17);
    const Matrix soft(c.rows, c.classes, DType::f32, Layout::padded_rows, share);
    const Matrix listed(c.rows, 2, DType::f64, Layout::columns, random_numbers(c.rows * 2, 8, 0, 0.5));
    const Matrix binary(c.rows, c.classes, DType::f32, Layout::columns, random_numbers(c.rows * c.classes, 9, 0, 1));
    const Matrix heavy(c.rows, c.classes, DType::f64, Layout::padded_rows,
                       random_numbers(c.rows * c.classes, 10, 0, 2));
    std::vector<std::int32_t> classes;
    std::vector<std::uint8_t> mask;
    for (std::int64_t r = 0; r < c.rows; ++r) {
        classes.push_back((std::int32_t)(r % 17));
        classes.push_back((std::int32_t)((r + 5) % 17));
        for (std::int64_t k = 0; k < 17; ++k) mask.push_back(k == c.labels[r] || (r + k) % 3 > 0);
    }
    View pairs = soft.view, kept = soft.view;
    pairs.data = classes.data(), pairs.dtype = DType::i32, pairs.cols = pairs.stride[0] = 2;
    kept.data = mask.data(), kept.dtype = DType::u8, kept.stride[0] = 17;

    const std::function<void(RowProblem &)> of_rows[] = {
        [&](RowProblem &p) { p.sample_weight = c.weight.data(), p.has_ignore = true, p.ignore = 3; },
        [&](RowProblem &p) { p.kind = TargetKind::soft, p.targets = soft.view, p.sum_tolerance = 1e-3; },
        [&](RowProblem &p) {
            p.kind = TargetKind::sparse, p.targets = pairs, p.probabilities = listed.view, p.uniform_tail = true;
        },
        [&](RowProblem &p) { p.mask = kept, p.temperature = 0.5, p.z_loss = 0.1; },
        [&](RowProblem &p) { p.mask = kept, p.mask.rows = p.mask.shape[0] = 1, p.smoothing = 0.1; },
    };
    for (const auto &set : of_rows) {
        RowProblem p = c.softmax();
        set(p);
        as_all_at_once("rows", c, p,
                       [](const RowProblem &q, const Results &out) { return kernels().run_rows(q, out); });
    }
    const std::function<void(ElementProblem &)> of_elements[] = {
        [&](ElementProblem &) {},
        [&](ElementProblem &p) { p.element_weight = heavy.view, p.positive_weight = share.data(); },
        [&](ElementProblem &p) { p.family = ElementFamily::multilabel_soft_margin, p.row_weight = c.weight.data(); },
        [&](ElementProblem &p) { p.family = ElementFamily::squared_error, p.class_weight = share.data(); },
    };
    for (const auto &set : of_elements) {
        ElementProblem p;
        p.targets = binary.view;
        set(p);
        as_all_at_once("elements", c, p, [](const ElementProblem &q, const Results &out) {
            return kernels().run_elements(q, out).total;
        });
    }
}

void first_fault_in_row_order() {
    const Case c(3000, 33, 5, false);
    Doubles targets(c.rows * c.classes, 1.0);
    targets[2900 * 5] = 7;
    targets[1500 * 5 + 4] = -2;
    targets[1500 * 5 + 3] = 2;
    const Matrix binary(c.rows, c.classes, DType::f64, Layout::rows, targets);
    ElementProblem p;
    p.targets = binary.view;
    p.predictions.rows = c.rows;
    p.predictions.cols = c.classes;
    for (int threads : {1, 3}) {
        set_thread_count(threads);
        Finding found;
        linear_pass(c, {DType::f32, Layout::rows, true}, p, &found);
        CHECK(found.fault == Fault::target_out_of_range && found.row == 1500 && found.col == 3 && found.value == 2,
              "fault %d in row %lld, column %lld", (int)found.fault, (long long)found.row, (long long)found.col);
    }
}

}  // namespace

int main() {
    set_thread_count(2);
    all_sizes();
    for (const std::string &name : available()) {
        use_instruction_set(name);
        shifted_in_double();
        same_bits_for_any_threads();
        first_element_that_is_not_finite();
        rows_with_all_that_is_theirs();
        first_fault_in_row_order();
    }
    return failures;
}
