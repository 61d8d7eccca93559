// σ(z) and σ(-z) from one exponential of -|z|: neither overflows, both keep all their digits.
#pragma once

#include "mathematics.hpp"

namespace crossentropy::CE_ISA {

struct Sigmoid {
    Vec e;         // e^-|z|
    Vec up, down;  // σ(z), σ(-z)
};

inline Sigmoid sigmoid_of(Vec z) {
    const Vec e = exp_nonpositive(-absolute(z), Vec{});
    const Vec likely = 1.0 / (1.0 + e), unlikely = e / (1.0 + e);
    return {e, z < 0.0 ? unlikely : likely, z < 0.0 ? likely : unlikely};
}

}  // namespace crossentropy::CE_ISA
