// The losses of rows of classes: softmax cross-entropy and its Kullback–Leibler twin on logits, cross-entropy on
// probabilities and on log-probabilities. For each: row weights, value, gradient, Hessian–vector product, Hessian
// diagonal.
#include "chunks.hpp"
#include "kernels.hpp"
#include "single_shares.hpp"
#include "softmax_loss.hpp"
#include "worker.hpp"

namespace crossentropy::CE_ISA {

namespace {

bool on_logits(const RowProblem &p) {
    return p.family == RowFamily::softmax_cross_entropy || p.family == RowFamily::softmax_kl_divergence;
}

// The chain rule from the transformed logits back to those passed: dx/dz = slope/T. Softcap c bends too: its second
// derivative, -2/c·tanh(z/c)·slope, meets the gradient with respect to x.
void to_logits(const Worker &w, const SoftmaxLoss &loss, std::int64_t r, double scale) {
    const RowProblem &p = w.p;
    const double *slope = loss.row.slope;
    double *result = w.array(Worker::output), *v = w.array(Worker::direction);
    const bool second = w.out.order != Order::gradient;
    for (std::int64_t j = 0; j < w.classes(); ++j) {
        const double first = (slope ? slope[j] : 1.0) / p.temperature;
        result[j] *= (w.out.order == Order::hessian_diagonal ? first * first : first) * scale;
    }
    if (!slope || !second) return;
    if (w.out.order == Order::hvp) load_row(w.out.direction, r, 0, w.classes(), v);
    double *gradient = w.array(Worker::work_c), *z = w.array(Worker::gaps);
    loss.gradient(gradient);  // the last that needs the gaps: their place holds the logits now
    load_row(p.predictions, r, 0, w.classes(), z);
    for (std::int64_t j = 0; j < w.classes(); ++j) {
        if (loss.row.allowed[j] == 0) continue;
        const double bend = -2.0 / p.softcap * std::tanh(z[j] / p.softcap) * slope[j] / p.temperature;
        result[j] += gradient[j] * bend * (w.out.order == Order::hvp ? v[j] : 1.0) * scale;
    }
}

}  // namespace

double Worker::run(std::int64_t r) const {
    if (is_kept(p, r)) return on_logits(p) ? softmax_row(r) : pointwise_row(r);
    store_constant(r, 0.0);
    return 0.0;
}

void Worker::store(std::int64_t r) const { store_row(out.derivative, r, 0, classes(), array(output)); }

void Worker::store_constant(std::int64_t r, double x) const {
    if (!wants_derivative()) return;
    if (out.derivative.dtype != DType::f64) {  // dropped rows are many: they cost no more than their bytes
        float *same = (float *)array(output);
        for (std::int64_t j = 0; j < classes(); ++j) same[j] = (float)x;
        store_floats(out.derivative, r, 0, classes(), same);
        return;
    }
    for (std::int64_t j = 0; j < classes(); ++j) array(output)[j] = x;
    store(r);
}

double Worker::softmax_row(std::int64_t r) const {
    TargetRow t;
    const bool one = p.kind == TargetKind::index && p.smoothing == 0;
    SoftmaxRow row;
    row.single = ends_in_single(p, out);
    row.z = array(logits);
    row.e = wants_derivative() || p.focal_gamma != 0 ? array(exponentials) : nullptr;
    row.gap = one ? nullptr : array(gaps);
    row.slope = p.softcap > 0 && wants_derivative() ? array(slopes) : nullptr;
    row.allowed = p.smoothing != 0 || row.slope ? array(flags) : nullptr;
    row.label = one ? label(p.targets, r).value : -1;
    read_softmax(row, p.predictions, r, Transform{p.softcap, p.temperature, p.mask});
    if (!row.defined) {
        store_constant(r, __builtin_nan(""));
        return __builtin_nan("");
    }
    read_target(t, p, r, Allowed{row.allowed, row.allowed_count}, array(target), array(shares));
    const SoftmaxLoss loss{p, row, t, array(work_b), array(work_c)};
    const double sample = row_scale(p, r), value = sample * loss.value();
    if (!wants_derivative()) return value;

    if (out.order == Order::gradient) loss.gradient(array(output));
    if (out.order == Order::hessian_diagonal) loss.hessian_diagonal(array(output));
    if (out.order == Order::hvp) {
        double *v = array(direction);
        load_row(out.direction, r, 0, classes(), v);
        for (std::int64_t j = 0; j < classes(); ++j) v[j] *= (row.slope ? row.slope[j] : 1.0) / p.temperature;
        loss.hvp(v, array(output));
    }
    to_logits(*this, loss, r, sample / out.divisor);
    store(r);
    return value;
}

namespace {

// a·(-log p_j) and, with a already scaled, its first two derivatives with respect to what was given: p_j or log p_j.
double pointwise_value(RowFamily family, double a, double x) {
    return a * (family == RowFamily::log_likelihood ? -x : -std::log(x));
}

double pointwise_derivative(RowFamily family, Order order, double a, double x) {
    if (family == RowFamily::log_likelihood) return order == Order::gradient ? -a : 0.0;
    return order == Order::gradient ? -a / x : a / x / x;
}

}  // namespace

double Worker::pointwise_row(std::int64_t r) const {
    TargetRow t;
    read_target(t, p, r, Allowed{nullptr, classes()}, array(target), array(shares));
    const double sample = row_scale(p, r), scale = sample / out.divisor;
    double *result = array(output), *v = array(direction);
    if (out.order == Order::hvp) load_row(out.direction, r, 0, classes(), v);
    if (wants_derivative())
        for (std::int64_t j = 0; j < classes(); ++j) result[j] = 0;
    const std::int64_t from = t.one ? t.label : 0, to = t.one ? t.label + 1 : classes();
    Sum<double> sum;
    for (std::int64_t j = from; j < to; ++j) {
        const double a = t.one ? t.weight : t.share[j];
        if (a == 0) continue;
        const double x = element(p.predictions, r, j);
        sum.add(pointwise_value(p.family, a, x));
        if (!wants_derivative()) continue;
        result[j] = pointwise_derivative(p.family, out.order, scale * a, x);
        if (out.order == Order::hvp) result[j] = v[j] != 0 ? result[j] * v[j] : 0.0;
    }
    if (wants_derivative()) store(r);
    return sample * total(sum);
}

namespace {

// Whether a row given as probabilities or log-probabilities is a distribution.
Finding check_prediction(const RowProblem &p, std::int64_t r, double *scratch) {
    const std::int64_t classes = p.predictions.cols;
    load_row(p.predictions, r, 0, classes, scratch);
    Sum<double> sum;
    bool good = true;
    for (std::int64_t j = 0; j < classes; ++j) good &= p.family == RowFamily::log_likelihood || scratch[j] >= 0;
    if (p.family == RowFamily::log_likelihood) {
        Sum<Vec> parts;
        for (std::int64_t j = classes; j < padded(classes); ++j) scratch[j] = -infinity;
        for (std::int64_t j = 0; j < padded(classes); j += lanes) {
            const Vec x = load(scratch + j);
            // above 0 by rounding alone, e^x is 1 + x; above that the sum is too large either way
            parts.add(x > 0.0 ? 1.0 + x : exp_nonpositive(x, Vec{}));
        }
        sum = across(parts);
    } else {
        for (std::int64_t j = 0; j < classes; ++j) sum.add(scratch[j]);
    }
    const double mass = total(sum);
    if (good && std::fabs(mass - 1.0) <= p.prediction_tolerance) return {};
    return {Fault::prediction_not_distribution, r, 0, mass};
}

// Needs the logits only where it matters which classes smoothing spreads over: those of -inf take no part.
double row_weight(const RowProblem &p, std::int64_t r, const Scratch &scratch, int thread) {
    const std::int64_t classes = p.predictions.cols;
    Allowed allowed{nullptr, classes};
    if (on_logits(p) && p.smoothing != 0 && (p.class_weight || p.kind != TargetKind::index)) {
        SoftmaxRow row;
        row.classes = classes;
        row.z = scratch.array(thread, Worker::logits);
        row.allowed = scratch.array(thread, Worker::flags);
        read_logits(row, p.predictions, r, Transform{0, 1, p.mask});
        allowed = {row.allowed, 0};
        for (std::int64_t j = 0; j < classes; ++j) allowed.count += row.allowed[j] != 0;
    }
    TargetRow t;
    read_target(t, p, r, allowed, scratch.array(thread, Worker::target), scratch.array(thread, Worker::shares));
    return row_scale(p, r) * t.weight;
}

// How many of the labels are kept, or -1 where one is out of range.
template <class Type>
std::int64_t count_kept(const RowProblem &p, const Type *labels, std::int64_t count) {
    const auto classes = (std::uint64_t)p.predictions.cols, ignore = (std::uint64_t)p.ignore;
    const bool signed_type = (Type)-1 < 0;
    std::int64_t kept = 0, wrong = 0;
    for (std::int64_t r = 0; r < count; ++r) {
        const auto y = (std::uint64_t)(std::int64_t)labels[r];  // negative ones become large
        const bool ignored = p.has_ignore && y == ignore && (signed_type || sizeof(Type) < 8 || p.ignore >= 0);
        kept += !ignored;
        wrong += !ignored && y >= classes;
    }
    return wrong == 0 ? kept : -1;
}

// The common case in one look at each label: the weight is that of the label's class.
Weighed weigh_labels(const RowProblem &p) {
    const Chunks chunks(p.predictions.rows, 1);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int) {
        return with_storage(p.targets.dtype, [&](auto storage) {
            using Type = typename decltype(storage)::Type;
            const auto *labels = (const Type *)p.targets.data;
            Part part;
            if (!p.sample_weight && !p.class_weight && p.targets.dims == 1 && p.targets.stride[0] == 1) {
                const std::int64_t kept = count_kept(p, labels + begin, end - begin);
                if (kept >= 0) {
                    part.sum.add((double)kept);
                    return part;
                }
            }
            for (std::int64_t r = begin; r < end; ++r) {
                const Label y = as_label(labels[p.targets.offset(r)]);
                const double sample = row_scale(p, r);
                if (sample == 0 || (p.has_ignore && y.fits && y.value == p.ignore)) continue;
                if (!y.fits || y.value < 0 || y.value >= p.predictions.cols) {
                    part.finding = {Fault::label_out_of_range, r, 0, (double)y.value};
                    return part;
                }
                part.sum.add(p.class_weight ? sample * p.class_weight[y.value] : sample);
            }
            return part;
        });
    });
}

// The sum of a row of float32, and whether no entry is negative or NaN.
double sum_of_shares(const float *t, std::int64_t count, bool &good) {
    Vec low{}, high{};
    Bits32 bad{};
    std::int64_t j = 0;
    for (; j + lanes32 <= count; j += lanes32) {
        const Vec32 x = load32(t + j);
        bad |= ~(x >= 0.0f);
        low += low_half(x);
        high += high_half(x);
    }
    double sum = sum_of_lanes(low + high);
    good = !any(bad);
    for (; j < count; ++j) {
        good &= t[j] >= 0.0f;
        sum += (double)t[j];
    }
    return sum;
}

// Soft targets of float32 or less without class weights: what smoothing adds to a row's weight, it has taken before.
Weighed weigh_soft(const RowProblem &p) {
    const std::int64_t classes = p.predictions.cols;
    const Chunks chunks(p.predictions.rows, classes);
    const Scratch scratch(chunks.threads(), 1, classes);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        double *own = scratch.array(thread, 0);
        const bool as_it_lies = p.targets.dtype == DType::f32 && p.targets.col_stride == 1;
        Part part;
        for (std::int64_t r = begin; r < end; ++r) {
            if (!is_kept(p, r)) continue;
            const auto *t = (const float *)p.targets.data + (as_it_lies ? p.targets.offset(r) : 0);
            if (!as_it_lies) {
                load_floats(p.targets, r, 0, classes, (float *)own);
                t = (const float *)own;
            }
            bool good = false;
            const double sum = sum_of_shares(t, classes, good);
            if (!good || !(std::fabs(sum - 1.0) <= p.sum_tolerance)) {
                part.finding = check_targets(p, r, own);
                if (part.finding.fault != Fault::none) return part;
            }
            part.sum.add(row_scale(p, r) * ((1.0 - p.smoothing) * sum + p.smoothing));
        }
        return part;
    });
}

}  // namespace

Weighed weigh_rows(const RowProblem &p) {
    // without class weights a label weighs 1, smoothed or not
    if (on_logits(p) && p.kind == TargetKind::index && (p.smoothing == 0 || !p.class_weight)) return weigh_labels(p);
    if (on_logits(p) && p.kind == TargetKind::soft && !p.class_weight && p.targets.dtype != DType::f64)
        return weigh_soft(p);
    if (is_plain_probabilities(p) && all_are_distributions(p)) {
        const Weighed weighed = weigh_labels(p);
        if (weighed.finding.fault == Fault::none) return weighed;
    }
    const Chunks chunks(p.predictions.rows, p.predictions.cols);
    const Scratch scratch(chunks.threads(), Worker::array_count, p.predictions.cols);
    return over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        Part part;
        for (std::int64_t r = begin; r < end; ++r) {
            if (!is_kept(p, r)) continue;
            part.finding = check_targets(p, r, scratch.array(thread, Worker::target));
            if (part.finding.fault == Fault::none && !on_logits(p))
                part.finding = check_prediction(p, r, scratch.array(thread, Worker::output));
            if (part.finding.fault != Fault::none) return part;
            part.sum.add(row_weight(p, r, scratch, thread));
        }
        return part;
    });
}

double run_rows(const RowProblem &p, const Results &out) {
    if (fits_single(p, out)) return is_single_narrow(p) ? run_single_narrow(p, out) : run_single_wide(p, out);
    if (is_narrow(p, out)) return run_narrow(p, out);
    if (is_plain_probabilities(p) && out.order == Order::value) return run_plain_probabilities(p, out);
    if (is_wide(p, out)) return run_wide(p, out);
    const bool reads_rows = on_logits(p) || p.kind != TargetKind::index || out.order != Order::value;
    const Chunks chunks(p.predictions.rows, reads_rows ? p.predictions.cols : 1);
    const Scratch scratch(chunks.threads(), Worker::array_count, p.predictions.cols);
    return over_chunks(chunks,
                       [&](std::int64_t begin, std::int64_t end, int thread) {
                           const Worker worker{p, out, scratch, thread};
                           return add_losses(out, begin, end, [&](std::int64_t r) { return worker.run(r); });
                       })
        .total;
}

}  // namespace crossentropy::CE_ISA
