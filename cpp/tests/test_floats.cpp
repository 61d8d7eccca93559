// Float16 and bfloat16 to float32 vectors and back, as the instruction set of this build converts them, against
// dtypes.hpp, which test_dtypes.cpp holds to the formats' definitions.
#include <cmath>
#include <initializer_list>

#include "check.hpp"
#include "floats.hpp"
#include "runs.hpp"

using namespace crossentropy;
using namespace crossentropy::tests;

namespace {

bool same(double a, double b) { return a == b ? std::signbit(a) == std::signbit(b) : a != a && b != b; }

template <class Load, class Get>
void every_pattern(const char *name, Load load, Get get) {
    for (unsigned first = 0; first < 65536; first += lanes32) {
        std::uint16_t bits[lanes32];
        for (int l = 0; l < lanes32; ++l) bits[l] = (std::uint16_t)(first + l);
        const Vec32 x = load(bits);
        for (int l = 0; l < lanes32; ++l) CHECK(same(x[l], get(bits[l])), "%s %04x is %g", name, bits[l], x[l]);
    }
}

// One float32 in 61, an odd number: every pattern of low digits; and those beside the middle of two neighbours.
template <class Store, class Put>
void rounding(const char *name, Store put_all, Put put) {
    auto check = [&](const float (&x)[lanes32]) {
        std::uint16_t bits[lanes32];
        put_all(bits, load32(x));
        for (int l = 0; l < lanes32; ++l) {
            const std::uint16_t expected = put(x[l]);
            if (x[l] != x[l]) {  // any NaN; 0x7f80 is bfloat16's infinity, 0x7c00 float16's
                const unsigned infinity = put(INFINITY);
                CHECK((bits[l] & 0x7fffu) > infinity, "%s of NaN is %04x", name, bits[l]);
            } else {
                CHECK(bits[l] == expected, "%s of %.9g is %04x, not %04x", name, x[l], bits[l], expected);
            }
        }
    };
    float x[lanes32];
    constexpr std::uint64_t step = CE_STRIDE > 61 ? CE_STRIDE : 61;
    for (std::uint64_t first = 0; first + lanes32 * step <= std::uint64_t(1) << 32; first += lanes32 * step) {
        for (int l = 0; l < lanes32; ++l) x[l] = bit_cast<float>((std::uint32_t)(first + l * step));
        check(x);
    }
    for (std::uint64_t top = 0; top < std::uint64_t(1) << 32; top += 0x1000)
        for (const int near : {-1, 0, 1}) {
            for (int l = 0; l < lanes32; ++l) x[l] = bit_cast<float>((std::uint32_t)(top + near));
            check(x);
        }
}

// Lengths around a vector and a stretch, apart by a stride or end to end.
void stretches() {
    std::uint16_t memory[2 * 2100 + 1], out[2 * 2100 + 1];
    float floats[2100 + 1];
    for (const DType dtype : {DType::f16, DType::bf16})
        for (const std::int64_t stride : {1, 2, -1})
            for (const std::int64_t count : {0, 1, 3, 4, 15, 16, 17, 33, 1023, 1024, 1025, 2049, 2100}) {
                for (int i = 0; i < 2 * 2100 + 1; ++i) memory[i] = (std::uint16_t)(i * 7 & 0x3fff), out[i] = 0x1234;
                View view;
                view.present = true;
                view.dtype = dtype;
                view.rows = 1;
                view.cols = count;
                view.col_stride = stride;
                view.dims = 1;
                view.shape[0] = 1;
                const std::int64_t start = stride < 0 && count > 0 ? count - 1 : 0;
                view.data = memory + start;
                floats[count] = 42;
                load_floats(view, 0, 0, count, floats);
                for (std::int64_t j = 0; j < count; ++j)
                    CHECK(floats[j] == element(view, 0, j), "column %d of %d", (int)j, (int)count);
                CHECK(floats[count] == 42, "nothing is written beyond %d floats", (int)count);
                view.data = out + start;
                store_floats(view, 0, 0, count, floats);
                std::int64_t changed = 0;
                for (const std::uint16_t bits : out) changed += bits != 0x1234;
                for (std::int64_t j = 0; j < count; ++j) {
                    CHECK(out[start + j * stride] == memory[start + j * stride], "column %d of %d comes back", (int)j,
                          (int)count);
                    changed -= memory[start + j * stride] != 0x1234;
                }
                CHECK(changed == 0, "nothing else is written with %d floats", (int)count);
            }
}

}  // namespace

int main() {
    if (!machine_runs_this()) return skipped;
    every_pattern("float16", halves_to_floats, from_half);
    every_pattern("bfloat16", bfloats_to_floats, from_bfloat);
    rounding("float16", floats_to_halves, to_half);
    rounding("bfloat16", floats_to_bfloats, to_bfloat);
    stretches();
    return failures;
}
