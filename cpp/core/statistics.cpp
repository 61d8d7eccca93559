// What a row of logits says beside its loss: log-sum-exp, the entropy of the softmax, the likeliest class; and the
// first two derivatives of lse and entropy.
#include "chunks.hpp"
#include "kernels.hpp"
#include "softmax.hpp"

namespace crossentropy::CE_ISA {

namespace {

enum Array { logits, gaps, slopes, direction, work, output, array_count };

// H = log S + Σ p_j (x_top - x_j), a sum of terms >= 0.
double entropy(const SoftmaxRow &row) {
    Sum<double> sum;
    for (std::int64_t j = 0; j < row.classes; ++j)
        if (row.e[j] != 0) sum.add(-row.e[j] * row.gap[j]);
    return row.log_sum + total(sum) / row.sum;
}

void store_values(const StatisticsProblem &p, const SoftmaxRow &row, std::int64_t r) {
    if (p.lse) p.lse[r] = row.any_nan ? __builtin_nan("") : row.defined ? row.lse() : row.maximum;
    if (p.entropy) p.entropy[r] = row.defined ? entropy(row) : __builtin_nan("");
    if (p.predicted) p.predicted[r] = row.defined ? row.top : -1;
}

// a·p_j - b·p_j (log p_j + H)
void gradient(const SoftmaxRow &row, double a, double b, double h, double *out) {
    for (std::int64_t j = 0; j < row.classes; ++j) {
        const double p = row.e[j] / row.sum;
        out[j] = p != 0 ? p * (a - b * (row.gap[j] - row.log_sum + h)) : 0.0;
    }
}

// With ṗ_j = p_j (u_j - Σ p u) and Ḣ = -Σ ṗ_j log p_j:  a·ṗ_j - b·(ṗ_j (log p_j + H) + p_j (u_j - Σ p u + Ḣ))
void hvp(const SoftmaxRow &row, double a, double b, double h, const double *u, double *out) {
    const double base = u[row.top];
    Sum<double> mean, slope;
    for (std::int64_t j = 0; j < row.classes; ++j)
        if (row.e[j] != 0) mean.add(row.e[j] * (u[j] - base));
    const double shift = base + total(mean) / row.sum;
    for (std::int64_t j = 0; j < row.classes; ++j)
        if (row.e[j] != 0) slope.add(-row.e[j] * (u[j] - shift) * (row.gap[j] - row.log_sum));
    const double along = total(slope) / row.sum;
    for (std::int64_t j = 0; j < row.classes; ++j) {
        const double p = row.e[j] / row.sum, centred = u[j] - shift;
        out[j] = p != 0 ? p * (a * centred - b * (centred * (row.gap[j] - row.log_sum + h) + centred + along)) : 0.0;
    }
}

// By the chain rule back to the logits, as in rows.cpp: softcap c and temperature have the slope dx/dz, and softcap
// bends.
void add_derivative(const StatisticsProblem &p, const SoftmaxRow &row, std::int64_t r, const Scratch &scratch,
                    int thread) {
    auto array = [&](Array which) { return scratch.array(thread, which); };
    const double a = p.of_lse ? p.of_lse[r] : 0.0, b = p.of_entropy ? p.of_entropy[r] : 0.0;
    if (a == 0 && b == 0) return;
    const double h = b != 0 && row.defined ? entropy(row) : 0.0;
    const bool second = p.order == Order::hvp;
    double *result = array(output), *u = array(direction), *z = array(logits), *first = array(work);
    auto slope = [&](std::int64_t j) { return (row.slope ? row.slope[j] : 1.0) / p.temperature; };
    if (!row.defined) {
        for (std::int64_t j = 0; j < row.classes; ++j) result[j] = __builtin_nan("");
    } else if (!second) {
        gradient(row, a, b, h, result);
    } else {
        load_row(p.direction, r, 0, row.classes, u);
        for (std::int64_t j = 0; j < row.classes; ++j) u[j] *= slope(j);
        hvp(row, a, b, h, u, result);
    }
    // from here on the exponentials give their place away
    if (second && row.slope && row.defined) {
        gradient(row, a, b, h, first);
        double *v = array(gaps);  // whose last reader was the gradient
        load_row(p.logits, r, 0, row.classes, z);
        load_row(p.direction, r, 0, row.classes, v);
        for (std::int64_t j = 0; j < row.classes; ++j)
            if (first[j] != 0) result[j] -= first[j] * (2.0 / p.softcap) * std::tanh(z[j] / p.softcap) * v[j];
    }
    load_row(p.derivative, r, 0, row.classes, z);
    for (std::int64_t j = 0; j < row.classes; ++j) result[j] = z[j] + result[j] * slope(j);
    store_row(p.derivative, r, 0, row.classes, result);
}

}  // namespace

void run_statistics(const StatisticsProblem &p) {
    const Chunks chunks(p.logits.rows, p.logits.cols);
    const Scratch scratch(chunks.threads(), array_count, p.logits.cols);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        for (std::int64_t r = begin; r < end; ++r) {
            SoftmaxRow row;
            row.single = p.logits.dtype != DType::f64;
            row.z = row.e = scratch.array(thread, logits);
            row.gap = scratch.array(thread, gaps);
            row.slope = p.softcap > 0 ? scratch.array(thread, slopes) : nullptr;
            read_softmax(row, p.logits, r, Transform{p.softcap, p.temperature, p.mask});
            if (p.order == Order::value)
                store_values(p, row, r);
            else
                add_derivative(p, row, r, scratch, thread);
        }
        return Part{};
    });
}

}  // namespace crossentropy::CE_ISA
