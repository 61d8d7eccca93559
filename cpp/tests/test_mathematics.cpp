// exp, log1p and tanh of every instruction set against the C library's long double, in units in the last place. The
// greatest errors allowed here are those that core/mathematics.hpp states.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "instruction_sets.hpp"

using namespace crossentropy;

static_assert(std::numeric_limits<long double>::digits >= 64, "the oracle needs more digits than float64 has");

namespace {

constexpr int points = CE_STRIDE > 1 ? 1 << 14 : 1 << 20;

double ulp_distance(double actual, long double expected) {
    const double rounded = (double)expected;
    if (std::isnan(rounded) || std::isinf(rounded))
        return actual == rounded || (actual != actual && rounded != rounded) ? 0 : 1e9;
    double spacing = std::nextafter(std::fabs(rounded), INFINITY) - std::fabs(rounded);
    return (double)std::fabs(((long double)actual - expected) / (long double)spacing);
}

struct Function {
    const char *name;
    void (*Kernels::*ours)(const double *, double *, std::int64_t);
    long double (*oracle)(long double);
    double from, to, ulp;
};

const Function functions[] = {
    {"exp", &Kernels::exp_nonpositive, expl, -708.0, 0.0, 1.0},
    {"exp, subnormal results", &Kernels::exp_nonpositive, expl, -746.5, -708.0, 1.0},
    {"exp near 0", &Kernels::exp_nonpositive, expl, -1e-3, 0.0, 1.0},
    {"log1p above 1", &Kernels::log1p_nonnegative, log1pl, 0.0, 1000.0, 2.0},
    {"log1p of sums", &Kernels::log1p_nonnegative, log1pl, 0.0, 1e9, 2.0},
    {"log1p", &Kernels::log1p_unit, log1pl, 0.0, 1.0, 2.0},
    {"log1p near 0", &Kernels::log1p_unit, log1pl, 0.0, 1e-6, 2.0},
    {"tanh", &Kernels::tanh, tanhl, -20.0, 20.0, 4.0},
    {"tanh near 0", &Kernels::tanh, tanhl, -1e-3, 1e-3, 4.0},
};

void sweep(const Function &f) {
    constexpr int count = points;
    std::vector<double> x(count), y(count);
    for (int i = 0; i < count; ++i) x[i] = f.from + (f.to - f.from) * (i / (double)(count - 1));
    (kernels().*f.ours)(x.data(), y.data(), count);
    double worst = 0, at = 0;
    for (int i = 0; i < count; ++i) {
        const double error = ulp_distance(y[i], f.oracle(x[i]));
        if (!(error <= worst)) worst = error, at = x[i];
    }
    std::printf("  %-24s greatest error %.3f ULP at %.17g\n", f.name, worst, at);
    CHECK(worst <= f.ulp, "%s: %.3f ULP at %.17g", f.name, worst, at);
}

// What is good enough for float32 is counted as a relative error.
void sweep_exp_single() {
    constexpr int count = points;
    std::vector<double> x(count), y(count);
    for (int i = 0; i < count; ++i) x[i] = -708.0 * (i / (double)(count - 1));
    kernels().exp_single(x.data(), y.data(), count);
    double worst = 0;
    for (int i = 0; i < count; ++i) {
        const double error = (double)std::fabs(((long double)y[i] - expl(x[i])) / expl(x[i]));
        if (!(error <= worst)) worst = error;
    }
    std::printf("  %-24s greatest relative error %.3g\n", "exp for float32", worst);
    CHECK(worst <= 1e-11, "exp for float32: %.3g", worst);
}

double one(void (*Kernels::*f)(const double *, double *, std::int64_t), double x) {
    double y;
    (kernels().*f)(&x, &y, 1);
    return y;
}

}  // namespace

int main() {
    for (const std::string &name : available()) {
        CHECK(use_instruction_set(name), "%s", name.c_str());
        std::printf("%s\n", name.c_str());
        for (const Function &f : functions) sweep(f);
        sweep_exp_single();
        CHECK(one(&Kernels::exp_nonpositive, 0.0) == 1.0, "e^0");
        CHECK(one(&Kernels::exp_nonpositive, -INFINITY) == 0.0, "e^-inf");
        CHECK(one(&Kernels::exp_nonpositive, -1e308) == 0.0, "e^-1e308");
        CHECK(std::isnan(one(&Kernels::exp_nonpositive, NAN)), "e^NaN");
        CHECK(one(&Kernels::exp_single, -INFINITY) == 0.0 && one(&Kernels::exp_single, -709.0) == 0.0, "exp_single, 0");
        CHECK(one(&Kernels::exp_single, 0.0) == 1.0, "exp_single of 0");
        CHECK(std::isnan(one(&Kernels::exp_single, NAN)), "exp_single NaN");
        CHECK(one(&Kernels::log1p_unit, 0.0) == 0.0, "log1p 0");
        CHECK(std::isnan(one(&Kernels::log1p_unit, NAN)), "log1p NaN");
        CHECK(one(&Kernels::tanh, INFINITY) == 1.0 && one(&Kernels::tanh, -INFINITY) == -1.0, "tanh of infinities");
        CHECK(std::signbit(one(&Kernels::tanh, -0.0)), "tanh keeps the sign of 0");
        CHECK(std::isnan(one(&Kernels::tanh, NAN)), "tanh NaN");
    }
    CHECK(!use_instruction_set("no such set"), "an unknown name is refused");
    return failures;
}
