// The losses of single elements: sigmoid cross-entropy and its kin (soft margin, multi-label soft margin),
// cross-entropy on binary probabilities, squared error.
#include <cmath>

#include "chunks.hpp"
#include "dtypes.hpp"
#include "element_stretch.hpp"
#include "element_targets.hpp"
#include "focal.hpp"
#include "kernels.hpp"
#include "scratch.hpp"
#include "sigmoid.hpp"

namespace crossentropy::CE_ISA {

namespace {

enum Array { prediction, positive, negative, weight, direction, value, result, array_count };
static_assert(array_count == stretch_arrays);

// A row is cut into tiles, except where its elements add up to one loss.
struct Tiles {
    const ElementProblem &p;
    std::int64_t width, per_row;

    explicit Tiles(const ElementProblem &problem) : p(problem) {
        const std::int64_t cols = p.predictions.cols;
        width = p.family == ElementFamily::multilabel_soft_margin || cols < 4096 ? (cols > 0 ? cols : 1) : 4096;
        per_row = (cols + width - 1) / width;
    }
    Chunks chunks() const { return Chunks(p.predictions.rows * per_row, width); }
};

struct Tile {
    const ElementProblem &p;
    const Scratch &scratch;
    int thread;
    std::int64_t row, first, count;

    double *array(Array which) const { return scratch.array(thread, which); }

    // s: row and element weights together
    void read_weights() const {
        double *w = array(weight);
        double common = p.row_weight ? p.row_weight[row] : 1.0;
        if (p.family == ElementFamily::multilabel_soft_margin) common /= (double)p.predictions.cols;
        if (p.element_weight.given()) load_row(p.element_weight, row, first, count, w);
        for (std::int64_t j = 0; j < count; ++j) w[j] = p.element_weight.given() ? w[j] * common : common;
        for (std::int64_t j = count; j < padded(count); ++j) w[j] = 0;
    }

    // The target as the masses of the two classes, after smoothing: t and 1 - t. Squared error keeps the target as it
    // is.
    void read_targets() const {
        double *t = array(positive), *rest = array(negative);
        load_row(p.targets, row, first, count, t);
        if (p.family == ElementFamily::squared_error) return;
        for (std::int64_t j = 0; j < count; ++j) {
            const double mass = p.family == ElementFamily::soft_margin ? (t[j] > 0 ? 1.0 : 0.0) : t[j];
            t[j] = (1.0 - p.smoothing) * mass + p.smoothing * 0.5;
            rest[j] = (1.0 - p.smoothing) * (1.0 - mass) + p.smoothing * 0.5;
        }
        for (std::int64_t j = count; j < padded(count); ++j) t[j] = rest[j] = 0;
    }

    Finding check_targets() const { return CE_ISA::check_targets(p, row, first, count); }

    Finding check_predictions() const {
        if (p.family != ElementFamily::binary_cross_entropy) return {};
        read_predictions();
        const double *x = array(prediction);
        for (std::int64_t j = 0; j < count; ++j)
            if (!(x[j] >= 0 && x[j] <= 1)) return {Fault::prediction_out_of_range, row, first + j, x[j]};
        return {};
    }

    void read_predictions() const {
        double *x = array(prediction);
        load_row(p.predictions, row, first, count, x);
        for (std::int64_t j = count; j < padded(count); ++j) x[j] = 0;
    }

    double class_weight(std::int64_t j) const { return p.class_weight ? p.class_weight[first + j] : 1.0; }
    double positive_weight(std::int64_t j) const { return p.positive_weight ? p.positive_weight[first + j] : 1.0; }

    // The masses times their weights: a_1 = s·w·w₊·t and a_0 = s·w·(1 - t)
    void weigh_targets() const {
        double *t = array(positive), *rest = array(negative);
        const double *s = array(weight);
        for (std::int64_t j = 0; j < count; ++j) {
            const double w = s[j] * class_weight(j);
            t[j] *= w * positive_weight(j);
            rest[j] *= w;
        }
    }

    // Σ of the elements' weights; where t and 1 - t weigh the same, their sum is 1 and drops out.
    Sum<double> total_weight() const {
        const double *t = array(positive), *rest = array(negative), *s = array(weight);
        const bool even = p.family == ElementFamily::squared_error || p.positive_weight == nullptr;
        double *own = array(value);
        for (std::int64_t j = 0; j < count; ++j)
            own[j] = s[j] * class_weight(j) * (even ? 1.0 : positive_weight(j) * t[j] + rest[j]);
        for (std::int64_t j = count; j < padded(count); ++j) own[j] = 0;
        return sum_of(own, count);
    }

    void sigmoid_elements(Order order, double divisor) const;
    void focal_elements(Order order, double divisor) const;
    void probability_elements(Order order, double divisor) const;
    void squared_elements(Order order, double divisor) const;

    // values, and first or second derivatives over divisor
    void compute(Order order, double divisor) const {
        if (p.family == ElementFamily::squared_error)
            squared_elements(order, divisor);
        else if (p.family == ElementFamily::binary_cross_entropy)
            probability_elements(order, divisor);
        else if (p.focal_gamma != 0)
            focal_elements(order, divisor);
        else
            sigmoid_elements(order, divisor);
    }
};

void Tile::sigmoid_elements(Order order, double divisor) const {
    for (std::int64_t j = 0; j < padded(count); j += lanes) {
        const Vec z = load(array(prediction) + j), a1 = load(array(positive) + j), a0 = load(array(negative) + j);
        const Sigmoid s = sigmoid_of(z);
        const Vec log_term = log1p_unit(s.e), zero{};
        const Vec on_one = a1 != 0.0 ? a1 * ((z < 0.0 ? -z : zero) + log_term) : zero;
        const Vec on_zero = a0 != 0.0 ? a0 * ((z > 0.0 ? z : zero) + log_term) : zero;
        store(array(value) + j, on_one + on_zero + (z == z ? zero : z));
        if (order == Order::gradient) store(array(result) + j, (a0 * s.up - a1 * s.down) / divisor);
        if (order > Order::gradient) store(array(result) + j, (a0 + a1) * (s.up * s.down) / divisor);
    }
}

void Tile::focal_elements(Order order, double divisor) const {
    const double gamma = p.focal_gamma;
    for (std::int64_t j = 0; j < count; ++j) {
        const double z = array(prediction)[j], a1 = array(positive)[j], a0 = array(negative)[j];
        const double e = std::exp(-std::fabs(z)), likely = 1.0 / (1.0 + e), unlikely = e / (1.0 + e);
        const double up = z < 0 ? unlikely : likely, down = z < 0 ? likely : unlikely;
        const double log_up = -(std::log1p(e) + (z < 0 ? -z : 0.0)), log_down = -(std::log1p(e) + (z > 0 ? z : 0.0));
        double loss = z == z ? 0.0 : z, first = loss, second = loss;
        if (a1 != 0) {
            const double h = focal_slope(up, down, log_up, gamma);
            loss -= a1 * focal_factor(down, gamma) * log_up;
            first -= a1 * h * down;
            second += a1 * (h * up - focal_bend(up, down, log_up, gamma)) * down;
        }
        if (a0 != 0) {
            const double h = focal_slope(down, up, log_down, gamma);
            loss -= a0 * focal_factor(up, gamma) * log_down;
            first += a0 * h * up;
            second += a0 * (h * down - focal_bend(down, up, log_down, gamma)) * up;
        }
        array(value)[j] = loss;
        array(result)[j] = (order == Order::gradient ? first : second) / divisor;
    }
}

void Tile::probability_elements(Order order, double divisor) const {
    for (std::int64_t j = 0; j < count; ++j) {
        const double x = array(prediction)[j], a1 = array(positive)[j], a0 = array(negative)[j];
        const double rest = 1.0 - x;
        array(value)[j] = (a1 != 0 ? -a1 * std::log(x) : 0.0) + (a0 != 0 ? -a0 * std::log1p(-x) : 0.0);
        // the divisor first: 1/x may overflow where the mean does not
        const double on_one = a1 != 0 ? a1 / divisor / x : 0.0, on_zero = a0 != 0 ? a0 / divisor / rest : 0.0;
        if (order == Order::gradient)
            array(result)[j] = on_zero - on_one;
        else
            array(result)[j] = (a1 != 0 ? on_one / x : 0.0) + (a0 != 0 ? on_zero / rest : 0.0);
    }
}

void Tile::squared_elements(Order order, double divisor) const {
    for (std::int64_t j = 0; j < count; ++j) {
        const double d = array(prediction)[j] - array(positive)[j], w = array(weight)[j];
        array(value)[j] = w * (d * d);
        array(result)[j] = 2.0 * w * (order == Order::gradient ? d : 1.0) / divisor;
    }
}

template <class F>
Weighed over_tiles(const ElementProblem &p, F f) {
    const Tiles tiles(p);
    const Chunks chunks = tiles.chunks();
    const Scratch scratch(chunks.threads(), array_count, tiles.width);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        Part part;
        for (std::int64_t unit = begin; unit < end && part.finding.fault == Fault::none; ++unit) {
            const std::int64_t row = unit / tiles.per_row, first = unit % tiles.per_row * tiles.width;
            const std::int64_t left = p.predictions.cols - first;
            f(Tile{p, scratch, thread, row, first, left < tiles.width ? left : tiles.width}, part);
        }
        return part;
    });
}

// Every element weighs 1: nothing needs to be read to know the sum of weights, and `run_elements` checks the targets.
bool is_plain(const ElementProblem &p) {
    return !p.class_weight && !p.positive_weight && !p.row_weight && !p.element_weight.given() &&
           p.family != ElementFamily::binary_cross_entropy && p.family != ElementFamily::multilabel_soft_margin;
}

bool overwrites_predictions(const ElementProblem &p, const Results &out) {
    return out.derivative.given() && out.derivative.data == p.predictions.data;
}

Finding check_all_targets(const ElementProblem &p) {
    return over_tiles(p, [&](const Tile &tile, Part &part) { part.finding = tile.check_targets(); }).finding;
}

}  // namespace

Weighed weigh_elements(const ElementProblem &p) {
    if (is_plain(p)) return {(double)(p.predictions.rows * p.predictions.cols), {}};
    return over_tiles(p, [&](const Tile &tile, Part &part) {
        tile.read_weights();
        tile.read_targets();
        const Finding target = tile.check_targets(), prediction = tile.check_predictions();
        const bool prediction_first =
            prediction.fault != Fault::none && (target.fault == Fault::none || prediction.col < target.col);
        part.finding = prediction_first ? prediction : target;
        part.sum.add(tile.total_weight());
    });
}

Part run_stretch(const ElementProblem &p, const Results &out, const Scratch &scratch, int thread, std::int64_t row,
                 std::int64_t first, std::int64_t count) {
    const Tile tile{p, scratch, thread, row, first, count};
    Part part;
    if (is_plain(p)) part.finding = tile.check_targets();
    if (part.finding.fault != Fault::none) return part;
    tile.read_weights();
    tile.read_targets();
    tile.read_predictions();
    if (p.family != ElementFamily::squared_error) tile.weigh_targets();
    tile.compute(out.order, out.divisor);
    const double *w = tile.array(weight);
    double *values = tile.array(value), *derivative = tile.array(result), *v = tile.array(direction);
    if (out.order == Order::hvp) load_row(out.direction, row, first, count, v);
    // what is dropped counts 0, whatever it holds; so does the padding
    for (std::int64_t j = 0; j < padded(count); ++j) values[j] = w[j] == 0 ? 0 : values[j];
    part.sum = sum_of(values, count);
    if (out.losses.given() && p.family != ElementFamily::multilabel_soft_margin)
        store_row(out.losses, row, first, count, values);
    if (out.order == Order::value) return part;
    for (std::int64_t j = 0; j < count; ++j) {
        if (w[j] == 0) derivative[j] = 0;
        if (out.order == Order::hvp) derivative[j] = derivative[j] == 0 ? 0 : derivative[j] * v[j];
    }
    store_row(out.derivative, row, first, count, derivative);
    return part;
}

Weighed run_elements(const ElementProblem &p, const Results &out) {
    if (is_plain(p) && overwrites_predictions(p, out)) {
        const Finding finding = check_all_targets(p);
        if (finding.fault != Fault::none) return {0.0, finding};
    }
    if (is_single(p, out)) return run_single_elements(p, out);
    return over_tiles(p, [&](const Tile &tile, Part &part) {
        const Part own = run_stretch(p, out, tile.scratch, tile.thread, tile.row, tile.first, tile.count);
        part.finding = own.finding;
        part.sum.add(own.sum);
        const double loss = total(own.sum);
        if (out.losses.given() && p.family == ElementFamily::multilabel_soft_margin)
            store_row(out.losses, tile.row, 0, 1, &loss);
    });
}

}  // namespace crossentropy::CE_ISA
