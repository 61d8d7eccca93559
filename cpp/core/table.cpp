// The kernels of the instruction set this file is compiled for, as a table.
#include "kernels.hpp"
#include "mathematics.hpp"

#define CE_STRING_(x) #x
#define CE_STRING(x) CE_STRING_(x)

namespace crossentropy::CE_ISA {

namespace {

// f over whole vectors; the last one is filled up with zeros.
template <class F>
void map(const double *in, double *out, std::int64_t n, F f) {
    for (std::int64_t i = 0; i < n; i += lanes) {
        double part[lanes] = {};
        const std::int64_t count = n - i < lanes ? n - i : lanes;
        for (std::int64_t l = 0; l < count; ++l) part[l] = in[i + l];
        store(part, f(load(part)));
        for (std::int64_t l = 0; l < count; ++l) out[i + l] = part[l];
    }
}

void map_exp(const double *in, double *out, std::int64_t n) {
    map(in, out, n, [](Vec x) { return exp_nonpositive(x, Vec{}); });
}
void map_exp_single(const double *in, double *out, std::int64_t n) { map(in, out, n, exp_single); }
void map_log1p_unit(const double *in, double *out, std::int64_t n) { map(in, out, n, log1p_unit); }
void map_log1p(const double *in, double *out, std::int64_t n) { map(in, out, n, log1p_nonnegative); }
void map_tanh(const double *in, double *out, std::int64_t n) {
    map(in, out, n, [](Vec x) { return tanh(x); });
}

}  // namespace

extern const Kernels table;
const Kernels table = {CE_STRING(CE_ISA), lanes,   weigh_rows,     run_rows,       weigh_elements, run_elements,
                       activate,          map_exp, map_exp_single, map_log1p_unit, map_log1p,      map_tanh};

}  // namespace crossentropy::CE_ISA
