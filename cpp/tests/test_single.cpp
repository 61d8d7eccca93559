// The float32 mathematics of every instruction set against the float64 functions of the core, which
// test_mathematics.cpp holds to long double, over every float32 of a range (in builds that are slow: one in CE_STRIDE).
// The greatest errors allowed here are those that core/single.hpp states.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "check.hpp"
#include "instruction_sets.hpp"
#include "parallel.hpp"

using namespace crossentropy;

namespace {

constexpr int chunk_size = 1 << 12;
constexpr std::int64_t coarse = CE_STRIDE > 61 ? CE_STRIDE : 61;
constexpr int boost = 60;        // Exp32::boost
constexpr double reach = 126.0;  // Exp32::reach
constexpr double temperatures[] = {1.0, 0.3, 3.7, 0.001, 1000.0};
constexpr double log_2 = 0.69314718055994531;

std::uint32_t bits_of(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
float float_of(std::uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// In units in the last place of float32 at `expected`, which is not negative. A NaN is beyond every bound.
inline double ulp_distance(float actual, double expected) {
    const double at = expected > 0x1p-126 ? expected : 0x1p-126;
    std::uint64_t bits;
    std::memcpy(&bits, &at, sizeof bits);
    const std::uint64_t inverse_bits = ((2 * 1023 + 23) - (bits >> 52)) << 52;
    double inverse;
    std::memcpy(&inverse, &inverse_bits, sizeof inverse);
    const double error = std::fabs((double)actual - expected) * inverse;
    return error < 1e9 ? error : 1e9;
}

std::vector<const Kernels *> every_set() {
    std::vector<const Kernels *> sets;
    for (const std::string &name : available()) {
        use_instruction_set(name);
        sets.push_back(&kernels());
    }
    return sets;
}
const std::vector<const Kernels *> sets = every_set();  // the fastest first: it is the oracle

using Ours = std::function<void(const Kernels &, const float *x, float *y, int count)>;
using Oracle = std::function<void(const float *x, double *y, int count)>;

// The greatest error, in ULP, where a·b + c is rounded once, and where it is rounded twice.
struct Bound {
    double fused, plain;

    double of(const Kernels &k) const {
#if defined(__x86_64__)
        if (std::strcmp(k.name, "baseline") == 0) return plain;
#endif
        (void)k;
        return fused;
    }
};

// Every `stride`-th float32 from `first` to `last` (bits), on every set.
void walk(const std::string &name, std::uint32_t first, std::uint32_t last, std::int64_t stride, Bound bound,
          const Ours &ours, const Oracle &oracle) {
    const std::int64_t count = (last - first) / stride + 1, chunks = (count + chunk_size - 1) / chunk_size;
    std::vector<double> worst(sets.size());
    std::vector<float> where(sets.size());
    std::mutex mutex;
    for_chunks(chunks, thread_count(), [&](std::int64_t chunk, int) {
        float x[chunk_size] = {}, y[chunk_size];
        double expected[chunk_size];
        const std::int64_t begin = chunk * chunk_size;
        const int size = (int)(count - begin < chunk_size ? count - begin : chunk_size);
        for (int i = 0; i < size; ++i) x[i] = float_of((std::uint32_t)(first + (begin + i) * stride));
        oracle(x, expected, size);
        for (std::size_t s = 0; s < sets.size(); ++s) {
            ours(*sets[s], x, y, size);
            double greatest = 0;
            for (int i = 0; i < size; ++i) {
                const double error = ulp_distance(y[i], expected[i]);
                greatest = error > greatest ? error : greatest;
            }
            const std::lock_guard<std::mutex> lock(mutex);
            if (greatest <= worst[s]) continue;
            worst[s] = greatest;
            for (int i = 0; i < size; ++i)
                if (ulp_distance(y[i], expected[i]) == greatest) where[s] = x[i];
        }
    });
    for (std::size_t s = 0; s < sets.size(); ++s) {
        std::printf("  %-46s %-10s greatest error %.4f ULP at %.9g\n", name.c_str(), sets[s]->name, worst[s], where[s]);
        CHECK(worst[s] <= bound.of(*sets[s]), "%s, %s: %.4f ULP at %.9g", name.c_str(), sets[s]->name, worst[s],
              where[s]);
    }
}

void walk_functions() {
    auto float64 = [](void (*Kernels::*f)(const double *, double *, std::int64_t), double sign) -> Oracle {
        return [f, sign](const float *x, double *y, int count) {
            for (int i = 0; i < count; ++i) y[i] = sign * x[i];
            (sets[0]->*f)(y, y, count);
        };
    };
    auto float32 = [](void (*Kernels::*f)(const float *, float *, std::int64_t)) -> Ours {
        return [f](const Kernels &k, const float *x, float *y, int count) { (k.*f)(x, y, count); };
    };
    const Oracle exponential = float64(&Kernels::exp_nonpositive, -1.0);
    const float normal = 87.3365402f;  // e^-x is a normal float32 up to here
    const Bound exp_bound{0.92, 1.21}, unit_bound{1.18, 1.55}, log1p_bound{1.59, 1.59};
    walk("e^-x, normal results", 0, bits_of(normal), CE_STRIDE, exp_bound, float32(&Kernels::exp_negative32),
         exponential);
    walk("e^-x, subnormal results", bits_of(normal), bits_of(104.0f), CE_STRIDE, exp_bound,
         float32(&Kernels::exp_negative32), exponential);
    const Oracle boosted = [=](const float *x, double *y, int count) {
        for (int i = 0; i < count; ++i) y[i] = (double)x[i] - 56.0;  // not positive, so that the core takes it
        sets[0]->exp_nonpositive(y, y, count);
        for (int i = 0; i < count; ++i) y[i] *= std::exp(56.0) * std::ldexp(1.0, boost);
    };
    const Bound boosted_bound{0.93, 1.21};
    const std::uint32_t sign = bits_of(-0.0f);
    walk("2^60 e^x, x in [-126, 0]", sign, sign | bits_of(126.0f), CE_STRIDE, boosted_bound,
         float32(&Kernels::exp_boosted32), boosted);
    walk("2^60 e^x, x in [0, 38]", 0, bits_of(38.0f), CE_STRIDE, boosted_bound, float32(&Kernels::exp_boosted32),
         boosted);
    const Oracle logarithm = float64(&Kernels::log1p_nonnegative, 1.0);
    walk("log(1 + x) up to 1", 0, bits_of(1.0f), CE_STRIDE, unit_bound, float32(&Kernels::log1p_unit32), logarithm);
    // the same there by its definition
    walk("log(1 + x) of any x, up to 1", 0, bits_of(1.0f), coarse, log1p_bound, float32(&Kernels::log1p_nonnegative32),
         logarithm);
    // every binade is alike: one float32 in 7
    walk("log(1 + x) of any x, above 1", bits_of(1.0f) + 1, bits_of(INFINITY) - 1, CE_STRIDE > 7 ? CE_STRIDE : 7,
         log1p_bound, float32(&Kernels::log1p_nonnegative32), logarithm);
}

constexpr double round_shift = 6755399441055744.0;  // 1.5·2^52: adding it rounds to an integer

// 2^origin nearest to e^(z/T)
double origin_of(double z, double temperature) { return (z / (temperature * log_2) + round_shift) - round_shift; }

// e^(z/T) for patterns of z, beside a largest logit that is `gap` above z (own) or `gap` itself.
void walk_exp32(const std::string &name, std::uint32_t first, std::uint32_t last, std::int64_t stride,
                double temperature, bool own, float gap) {
    const Ours ours = [=](const Kernels &k, const float *z, float *y, int count) {
        float largest[chunk_size] = {}, origin[chunk_size];
        for (int i = 0; i < count; ++i) largest[i] = own ? z[i] + gap : gap;
        k.exp32(temperature, z, largest, origin, y, count);
        for (int i = 0; i < count; ++i) {
            const double expected = origin_of(largest[i], temperature);
            if (origin[i] == expected) continue;
            // another origin than the nearest is as good, where it is near
            y[i] = std::fabs(origin[i] - expected) <= 1 ? std::ldexp(y[i], (int)(origin[i] - expected)) : NAN;
        }
    };
    const Oracle oracle = [=](const float *z, double *y, int count) {
        for (int i = 0; i < count; ++i) {
            const double origin = origin_of(own ? z[i] + gap : gap, temperature);
            y[i] = (double)z[i] / temperature - (origin + 1.0) * log_2;  // not positive, so that the core takes it
        }
        sets[0]->exp_nonpositive(y, y, count);
        for (int i = 0; i < count; ++i) y[i] *= std::ldexp(1.0, boost + 1);
    };
    walk(name, first, last, stride, temperature == 1 ? Bound{0.93, 1.21} : Bound{1.16, 1.46}, ours, oracle);
}

void walk_exp32() {
    const std::uint32_t sign = bits_of(-0.0f);
    walk_exp32("e^z, z in [-126, 0]", sign, sign | bits_of((float)reach), CE_STRIDE, 1.0, false, 0.0f);
    for (const double temperature : temperatures) {
        auto pattern = [&](double x) { return bits_of((float)(x * temperature) * 0.999999f); };
        auto name = [&](const char *range) {
            return "e^(z/T), T = " + std::to_string(temperature).substr(0, 5) + ", " + range;
        };
        walk_exp32(name("z/T in [-126, 0]"), sign, sign | pattern(reach), coarse, temperature, false, 0.0f);
        walk_exp32(name("largest of its row, positive"), 0, pattern(0x1p20), coarse, temperature, true, 0.0f);
        walk_exp32(name("largest of its row, negative"), sign, sign | pattern(0x1p20), coarse, temperature, true, 0.0f);
        walk_exp32(name("20 below the largest"), 0, pattern(0x1p20), coarse, temperature, true,
                   (float)(20 * temperature));
    }
}

// 2^origin is near e^(z/T), and what is left between them is known to 2^-23.5, or 2^-22.5.
void check_origins() {
    const Bound rest{-23.5, -22.5};
    for (const Kernels *k : sets) {
        double farthest = 0, worst = 0;
        for (const double temperature : temperatures)
            for (std::uint32_t bits = 0; float_of(bits) <= 0x1p20 * temperature; bits += 1021)
                for (const float z : {float_of(bits), -float_of(bits)}) {
                    float origin, power, inverse;
                    k->exp32(temperature, &z, &z, &origin, &power, 1);
                    k->inverse32(temperature, &z, &inverse, 1);
                    const double apart = std::fma((double)origin, log_2, -z / temperature);
                    farthest = std::max(farthest, std::fabs(apart));
                    worst = std::max(worst, std::fabs(inverse - std::expm1(apart)));
                }
        std::printf("  %-46s %-10s within %.4f, and 2^%.2f of it\n", "log 2^origin of z/T", k->name, farthest,
                    std::log2(worst));
        CHECK(farthest <= 0.45, "%s: %.4f", k->name, farthest);
        CHECK(std::log2(worst) <= rest.of(*k), "%s: 2^%.2f", k->name, std::log2(worst));
    }
}

void check_special_values() {
    for (const Kernels *k : sets) {
        auto one = [&](void (*Kernels::*f)(const float *, float *, std::int64_t), float x) {
            float y;
            (k->*f)(&x, &y, 1);
            return y;
        };
        CHECK(one(&Kernels::exp_negative32, 0.0f) == 1.0f && one(&Kernels::exp_negative32, -0.0f) == 1.0f, "e^0");
        for (const float x : {104.0f, 1e30f, (float)INFINITY})
            CHECK(one(&Kernels::exp_negative32, x) == 0.0f, "e^-%g", x);
        CHECK(std::isnan(one(&Kernels::exp_negative32, NAN)), "e^NaN");
        CHECK(one(&Kernels::log1p_unit32, 0.0f) == 0.0f && one(&Kernels::log1p_nonnegative32, 0.0f) == 0.0f, "log 1");
        CHECK(std::isnan(one(&Kernels::log1p_unit32, NAN)), "log1p NaN, up to 1");

        auto power = [&](float z, float largest) {
            float origin, y;
            k->exp32(1.0, &z, &largest, &origin, &y, 1);
            return std::ldexp((double)y, (int)origin - boost);
        };
        CHECK(power(0.0f, 0.0f) == 1.0, "e^0");
        for (const float far : {-126.001f, -1e6f, -1e38f, (float)-INFINITY}) CHECK(power(far, 0) == 0.0, "e^%g", far);
        CHECK(power(1e6f - 126.5f, 1e6f) == 0.0, "e^z far below a large one");
        CHECK(power(-126.0f, 0.0f) > 0.0, "e^-126");
        CHECK(std::isnan(power(NAN, 0.0f)), "e^NaN");

        for (float n = 0; n >= -226; --n)
            for (std::uint32_t bits = bits_of(0.5f); bits < bits_of(2.0f); bits += 65537) {
                const float x = float_of(bits);
                float y;
                k->scaled32(&x, &n, &y, 1);
                CHECK(y == (float)std::ldexp((double)x, (int)n), "%s: %.9g·2^%g is %.9g", k->name, x, n, y);
            }
    }
}

}  // namespace

int main() {
    check_special_values();
    check_origins();
    walk_functions();
    walk_exp32();
    return failures;
}
