// Softmax, log-softmax, log-sum-exp, sigmoid, log-sigmoid, softplus: values and vector–Jacobian products.
#include "activations.hpp"

#include "chunks.hpp"
#include "kernels.hpp"
#include "sigmoid.hpp"
#include "softmax.hpp"

namespace crossentropy::CE_ISA {

namespace {

bool on_rows(Activation kind) { return kind <= Activation::logsumexp; }

enum Array { input, gaps, cotangent, output };

double logsumexp(const SoftmaxRow &row) {
    if (row.any_nan) return __builtin_nan("");
    if (row.maximum == infinity || row.maximum == -infinity) return row.maximum;
    return row.lse();
}

void row_values(Activation kind, const SoftmaxRow &row, double *out) {
    if (kind == Activation::logsumexp) {
        out[0] = logsumexp(row);
    } else if (!row.defined) {
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = __builtin_nan("");
    } else if (kind == Activation::softmax) {
        const double inverse = 1.0 / row.sum;
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = row.e[j] * inverse;
    } else {
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = row.gap[j] - row.log_sum;
    }
}

void row_products(Activation kind, const SoftmaxRow &row, const double *v, double *out) {
    if (!row.defined) {
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = __builtin_nan("");
        return;
    }
    if (kind == Activation::logsumexp) {
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = row.e[j] / row.sum * v[0];
        return;
    }
    Sum<double> sum;
    if (kind == Activation::softmax) {
        // p_j (v_j - Σ p v), by differences to the likeliest class
        const double base = v[row.top];
        for (std::int64_t j = 0; j < row.classes; ++j)
            if (row.e[j] != 0) sum.add(row.e[j] * (v[j] - base));
        const double shift = total(sum) / row.sum;
        for (std::int64_t j = 0; j < row.classes; ++j)
            out[j] = row.e[j] != 0 ? row.e[j] / row.sum * ((v[j] - base) - shift) : 0.0;
    } else {
        // v_j - p_j Σ v; for the likeliest class (1 - p) v - p Σ_{others} v, which does not cancel near p = 1
        for (std::int64_t j = 0; j < row.classes; ++j)
            if (j != row.top) sum.add(v[j]);
        const double others = total(sum), all = others + v[row.top];
        for (std::int64_t j = 0; j < row.classes; ++j) out[j] = v[j] - row.e[j] / row.sum * all;
        out[row.top] = row.complement(row.top) * v[row.top] - others / row.sum;
    }
}

void element_values(Activation kind, bool product, std::int64_t count, const double *in, const double *v, double *out) {
    for (std::int64_t j = 0; j < padded(count); j += lanes) {
        const Vec z = load(in + j), zero{};
        const Sigmoid s = sigmoid_of(z);
        Vec y;
        if (kind == Activation::sigmoid)
            y = product ? s.up * s.down : s.up;
        else if (kind == Activation::sigmoid_derivative)
            y = s.up * s.down;
        else if (kind == Activation::log_sigmoid)
            y = product ? s.down : -((z < 0.0 ? -z : zero) + log1p_unit(s.e));
        else
            y = product ? s.up : (z > 0.0 ? z : zero) + log1p_unit(s.e);
        if (product) y = y * load(v + j);
        store(out + j, z == z ? y : z);
    }
}

}  // namespace

void activate_row(const ActivationProblem &p, std::int64_t r, const Scratch &scratch, int thread) {
    auto array = [&](Array which) { return scratch.array(thread, which); };
    SoftmaxRow row;
    row.z = row.e = array(input);
    row.gap = p.kind == Activation::log_softmax && !p.cotangent.given() ? array(gaps) : nullptr;
    read_softmax(row, p.input, r, Transform{});
    if (p.cotangent.given()) {
        load_row(p.cotangent, r, 0, p.cotangent.cols, array(cotangent));
        row_products(p.kind, row, array(cotangent), array(output));
    } else {
        row_values(p.kind, row, array(output));
    }
    store_row(p.output, r, 0, p.output.cols, array(output));
}

void activate(const ActivationProblem &p) {
    if (is_single(p)) return activate_single(p);
    if (is_narrow(p)) return activate_narrow(p);
    const std::int64_t cols = p.input.cols;
    const bool rows = on_rows(p.kind), product = p.cotangent.given();
    const std::int64_t width = rows || cols < 4096 ? (cols > 0 ? cols : 1) : 4096;
    const std::int64_t per_row = rows ? 1 : (cols + width - 1) / width;
    const Chunks chunks(p.input.rows * per_row, width);
    const Scratch scratch(chunks.threads(), activation_arrays, width);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        auto array = [&](Array which) { return scratch.array(thread, which); };
        for (std::int64_t unit = begin; unit < end; ++unit) {
            if (rows) {
                activate_row(p, unit, scratch, thread);
                continue;
            }
            const std::int64_t r = unit / per_row, first = unit % per_row * width;
            const std::int64_t left = cols - first, count = left < width ? left : width;
            load_row(p.input, r, first, count, array(input));
            for (std::int64_t j = count; j < padded(count); ++j) array(input)[j] = array(cotangent)[j] = 0;
            if (product) load_row(p.cotangent, r, first, count, array(cotangent));
            element_values(p.kind, product, count, array(input), array(cotangent), array(output));
            store_row(p.output, r, first, count, array(output));
        }
        return Part{};
    });
}

}  // namespace crossentropy::CE_ISA
