// The lanes of one vector of float32, as float64: two vectors that are computed with as one.
#pragma once

#include "single.hpp"

namespace crossentropy::CE_ISA {

struct PairBits {
    Bits low, high;
};

struct Pair {
    Vec low, high;

    Pair() : low{}, high{} {}
    Pair(double x) : low(splat(x)), high(splat(x)) {}
    Pair(Vec l, Vec h) : low(l), high(h) {}
    explicit Pair(Vec32 x) : low(low_half(x)), high(high_half(x)) {}

    Vec32 narrow() const { return narrowed(low, high); }
    Pair &operator+=(Pair b) { return *this = {low + b.low, high + b.high}; }
};

inline Pair operator+(Pair a, Pair b) { return {a.low + b.low, a.high + b.high}; }
inline Pair operator-(Pair a, Pair b) { return {a.low - b.low, a.high - b.high}; }
inline Pair operator*(Pair a, Pair b) { return {a.low * b.low, a.high * b.high}; }
inline Pair operator/(Pair a, Pair b) { return {a.low / b.low, a.high / b.high}; }
inline PairBits operator==(Pair a, Pair b) { return {a.low == b.low, a.high == b.high}; }
inline PairBits operator>(Pair a, Pair b) { return {a.low > b.low, a.high > b.high}; }

inline Pair fma(Pair a, Pair b, Pair c) { return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)}; }
inline Pair choose(PairBits mask, Pair a, Pair b) { return {mask.low ? a.low : b.low, mask.high ? a.high : b.high}; }

// f(Vec) -> Vec for both
template <class F>
Pair each(F f, Pair x) {
    return {f(x.low), f(x.high)};
}

}  // namespace crossentropy::CE_ISA
