// The kernels of the instruction set this file is compiled for, as a table.
#include "kernels.hpp"
#include "mathematics.hpp"
#include "single.hpp"

#define CE_STRING_(x) #x
#define CE_STRING(x) CE_STRING_(x)

namespace crossentropy::CE_ISA {

namespace {

// f over whole vectors of the inputs; the last one is filled up with zeros.
template <int width, class T, class F, class... In>
void map(T *out, std::int64_t n, F f, const In *...in) {
    auto vector = [](const T *p) {
        T __attribute__((vector_size(width * sizeof(T)))) v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    };
    std::int64_t i = 0;
    for (; i + width <= n; i += width) store(out + i, f(vector(in + i)...));
    if (i == n) return;
    auto rest = [&](const T *p) {
        T part[width] = {};
        __builtin_memcpy(part, p + i, sizeof(T) * (std::size_t)(n - i));
        return vector(part);
    };
    T part[width];
    store(part, f(rest(in)...));
    __builtin_memcpy(out + i, part, sizeof(T) * (std::size_t)(n - i));
}

void map_exp(const double *in, double *out, std::int64_t n) {
    map<lanes>(out, n, [](Vec x) { return exp_nonpositive(x, Vec{}); }, in);
}
void map_exp_single(const double *in, double *out, std::int64_t n) { map<lanes>(out, n, exp_single, in); }
void map_log1p_unit(const double *in, double *out, std::int64_t n) {
    map<lanes>(out, n, [](Vec x) { return log1p_unit(x); }, in);
}
void map_log1p(const double *in, double *out, std::int64_t n) {
    map<lanes>(out, n, [](Vec x) { return log1p_nonnegative(x); }, in);
}
void map_tanh(const double *in, double *out, std::int64_t n) {
    map<lanes>(out, n, [](Vec x) { return tanh(x); }, in);
}
void map_exp_negative32(const float *in, float *out, std::int64_t n) { map<lanes32>(out, n, exp_negative, in); }
void map_exp_boosted32(const float *in, float *out, std::int64_t n) { map<lanes32>(out, n, exp_boosted, in); }
void map_log1p_unit32(const float *in, float *out, std::int64_t n) {
    map<lanes32>(out, n, [](Vec32 x) { return log1p_unit(x); }, in);
}
void map_log1p32(const float *in, float *out, std::int64_t n) {
    map<lanes32>(out, n, [](Vec32 x) { return log1p_nonnegative(x); }, in);
}
void map_scaled32(const float *x, const float *power, float *out, std::int64_t n) {
    map<lanes32>(out, n, scaled, x, power);
}
void map_exp32(double temperature, const float *z, const float *largest, float *origin, float *out, std::int64_t n) {
    const Exp32 exp(temperature);
    map<lanes32>(origin, n, [&](Vec32 top) { return exp.origin(top); }, largest);
    map<lanes32>(out, n, [&](Vec32 x, Vec32 at, Vec32 top) { return exp(x, at, exp.lowest(top)); }, z, origin, largest);
}
void map_inverse32(double temperature, const float *z, float *out, std::int64_t n) {
    const Exp32 exp(temperature);
    map<lanes32>(out, n, [&](Vec32 x) { return exp.inverse_less_one(x, exp.origin(x)); }, z);
}

}  // namespace

extern const Kernels table;
const Kernels table = {CE_STRING(CE_ISA),  lanes,
                       weigh_rows,         run_rows,
                       weigh_elements,     run_elements,
                       run_linear_rows,    run_linear_elements,
                       run_sparse_rows,    run_sparse_elements,
                       run_dual_ascent,    run_logits,
                       run_moments,        run_gram,
                       activate,           run_statistics,
                       mark_columns,       add_to_halves,
                       round_halves,       map_exp,
                       map_exp_single,     map_log1p_unit,
                       map_log1p,          map_tanh,
                       map_exp_negative32, map_exp_boosted32,
                       map_log1p_unit32,   map_log1p32,
                       map_scaled32,       map_exp32,
                       map_inverse32};

}  // namespace crossentropy::CE_ISA
