// Linear models on every instruction set, against plain loops in double: sizes around those of tiles, panels, groups of
// rows and stripes, arrays of any strides with NaN between their rows, the same bits for any number of threads.
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "linear_cases.hpp"
#include "parallel.hpp"

using namespace crossentropy;
using namespace crossentropy::CE_ISA;

namespace {

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

// Every number of classes and of features that leaves tiles and vectors partly filled, rows around those of tiles.
void all_tiles() {
    int shape = 0;
    for (std::int64_t classes = 1; classes <= 40; ++classes)
        for (std::int64_t features = 1; features <= 70; ++features) {
            ++shape;
            const bool wide = classes > 1 && features > 1 && features % 16 > 1 && features % 16 < 15;
            if (shape % (CE_STRIDE > 1 ? 29 : wide ? 7 : 1) != 0) continue;
            const Case c(1 + shape * 31 % 67, features, classes, shape % 2 == 1);
            const Doubles exact = exact_logits(c), softmax = exact_softmax_pass(c, exact);
            const Doubles given = random_numbers(c.rows * c.classes, 11, 0, 1);
            const Doubles sigmoid = exact_sigmoid_pass(c, exact, given);
            const Matrix end_to_end(c.rows, c.classes, DType::f32, Layout::rows, given);
            const Matrix apart(c.rows, c.classes, DType::f64, Layout::padded_rows, given);
            for (const std::string &name : available()) {
                use_instruction_set(name);
                const Variant &v = variants[shape % 6], &w = variants[(shape + 1) % 6];
                agree("logits", c, logits(c, v), exact, v.single || v.dtype == DType::f32);
                for (const Variant &own : {v, w}) {
                    agree("softmax pass", c, linear_pass(c, own, c.softmax()), softmax, own.single);
                    for (const Matrix *targets : {&end_to_end, &apart}) {
                        ElementProblem p;
                        p.targets = targets->view;
                        agree("sigmoid pass", c, linear_pass(c, own, p), sigmoid, own.single);
                    }
                }
                agree("gram", c, gram(c, v, shape % 3 == 0), exact_gram(c, shape % 3 == 0), true);
            }
        }
}

// What large numbers differ by is not lost where products are in float32.
void shifted_in_double() {
    Case c(40, 3, 2, true);
    for (double &x : c.x) x += 1e9;
    for (double &s : c.shift) s += 1e9;
    agree("large numbers", c, logits(c, {DType::f64, Layout::rows, true}), exact_logits(c), true);
}

void same_bits_for_any_threads(std::int64_t classes) {
    const Case c(3000, 33, classes, true);
    const Matrix targets(c.rows, c.classes, DType::f32, Layout::rows, random_numbers(c.rows * c.classes, 11, 0, 1));
    ElementProblem elements;
    elements.targets = targets.view;
    for (const Variant &v : variants) {
        std::vector<Doubles> first;
        for (int threads : {1, 2, 3}) {
            set_thread_count(threads);
            const std::vector<Doubles> results = {logits(c, v), linear_pass(c, v, c.softmax()),
                                                  linear_pass(c, v, elements), moments(c, v), gram(c, v, true)};
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
    } const found[] = {
        {4999, 8, not_a_number}, {4500, 0, infinity}, {2100, 7, -infinity}, {2100, 3, not_a_number}, {7, 5, infinity}};
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
void rows_with_all_that_is_theirs(std::int64_t number) {
    const Case c(3000, 5, number, true);
    const Doubles share(c.rows * c.classes, 1.0 / (double)number);
    const Matrix soft(c.rows, c.classes, DType::f32, Layout::padded_rows, share);
    const Matrix listed(c.rows, 2, DType::f64, Layout::columns, random_numbers(c.rows * 2, 8, 0, 0.5));
    const Matrix binary(c.rows, c.classes, DType::f32, Layout::columns, random_numbers(c.rows * c.classes, 9, 0, 1));
    const Matrix heavy(c.rows, c.classes, DType::f64, Layout::padded_rows,
                       random_numbers(c.rows * c.classes, 10, 0, 2));
    std::vector<std::int32_t> classes;
    std::vector<std::uint8_t> mask;
    for (std::int64_t r = 0; r < c.rows; ++r) {
        classes.push_back((std::int32_t)(r % number));
        classes.push_back((std::int32_t)((r + 1) % number));
        for (std::int64_t k = 0; k < number; ++k) mask.push_back(k == c.labels[r] || (r + k) % 3 > 0);
    }
    View pairs = soft.view, kept = soft.view;
    pairs.data = classes.data(), pairs.dtype = DType::i32, pairs.cols = pairs.stride[0] = 2;
    kept.data = mask.data(), kept.dtype = DType::u8, kept.stride[0] = number;

    const std::function<void(RowProblem &)> of_rows[] = {
        [&](RowProblem &p) { p.sample_weight = c.weight.data(), p.has_ignore = true, p.ignore = 1; },
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

void first_fault_in_row_order(std::int64_t classes, Layout layout) {
    const Case c(3000, 33, classes, false);
    Doubles targets(c.rows * c.classes, 1.0);
    targets[2900 * classes] = 7;
    targets[1500 * classes + 4] = -2;
    targets[1500 * classes + 3] = 2;
    const Matrix binary(c.rows, c.classes, DType::f64, layout, targets);
    ElementProblem p;
    p.targets = binary.view;
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
    all_tiles();
    for (const std::string &name : available()) {
        use_instruction_set(name);
        shifted_in_double();
        for (std::int64_t classes : {1, 3, 17}) same_bits_for_any_threads(classes);
        first_element_that_is_not_finite();
        for (std::int64_t classes : {2, 3, 17}) rows_with_all_that_is_theirs(classes);
        for (std::int64_t classes : {5, 37})
            for (Layout layout : {Layout::rows, Layout::padded_rows}) first_fault_in_row_order(classes, layout);
    }
    return failures;
}
