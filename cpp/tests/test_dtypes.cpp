// float16 and bfloat16 to float64 and back, over every bit pattern; and rounding to nearest even at every midpoint.
#include <cmath>
#include <initializer_list>

#include "check.hpp"
#include "dtypes.hpp"

using namespace crossentropy;
using namespace crossentropy::tests;

namespace {

double half_value(unsigned bits) {
    const int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

template <class Get, class Put>
void every_pattern(const char *name, Get get, Put put, unsigned infinity_bits) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const double x = get((std::uint16_t)bits);
        if (std::isnan(x)) {
            CHECK(std::isnan(get(put(x))), "%s %04x: NaN stays NaN", name, bits);
            continue;
        }
        CHECK(put(x) == bits, "%s %04x comes back as %04x", name, bits, put(x));
        if ((bits & 0x7fff) >= infinity_bits) continue;
        const double next = (bits & 0x7fff) + 1 == infinity_bits ? 2 * x - get((std::uint16_t)(bits - 1))
                                                                 : get((std::uint16_t)(bits + 1));
        const double middle = (x + next) / 2;
        const unsigned even = bits & 1 ? bits + 1 : bits;
        CHECK(put(middle) == even, "%s: middle above %04x goes to %04x", name, bits, put(middle));
        CHECK(put(std::nextafter(middle, x)) == bits, "%s: just below the middle above %04x", name, bits);
        CHECK(put(std::nextafter(middle, next)) == bits + 1, "%s: just above the middle above %04x", name, bits);
    }
}

}  // namespace

int main() {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const double expected = half_value(bits), actual = from_half((std::uint16_t)bits);
        CHECK(actual == expected || (std::isnan(actual) && std::isnan(expected)), "float16 %04x is %g", bits, actual);
    }
    every_pattern("float16", from_half, to_half, 0x7c00);
    every_pattern("bfloat16", from_bfloat, to_bfloat, 0x7f80);
    CHECK(to_half(1e300) == 0x7c00 && to_half(-1e300) == 0xfc00, "float16 overflow");
    CHECK(to_bfloat(1e300) == 0x7f80 && to_bfloat(-1e300) == 0xff80, "bfloat16 overflow");
    CHECK(to_half(1e-300) == 0 && to_half(-1e-300) == 0x8000, "float16 underflow");
    return failures;
}
