// The focal factor (1 - p)^γ on a class's loss -log p, and what it does to the derivatives with respect to log p.
// Both are written with s = p·log p/(1 - p), which tends to -1 as p tends to 1 and to 0 as p tends to 0.
#pragma once

#include <cmath>

#include "simd.hpp"

namespace crossentropy::CE_ISA {

inline double focal_factor(double complement, double gamma) { return gamma == 0 ? 1.0 : std::pow(complement, gamma); }

inline double focal_ratio(double p, double complement, double log_p) {
    if (p == 0) return 0.0;
    return complement == 0 ? -1.0 : p * (log_p / complement);
}

// h = -d[(1-p)^γ (-log p)]/dlog p = (1-p)^γ (1 - γ·s)
inline double focal_slope(double p, double complement, double log_p, double gamma) {
    if (gamma == 0) return 1.0;
    return focal_factor(complement, gamma) * (1.0 - gamma * focal_ratio(p, complement, log_p));
}

// (1 - p)·dh/dlog p = -γ p (1-p)^γ (2 + log p - (γ-1)·s): finite where dh/dlog p itself is not
inline double focal_bend(double p, double complement, double log_p, double gamma) {
    if (gamma == 0 || p == 0) return 0.0;
    const double s = focal_ratio(p, complement, log_p);
    return -gamma * p * focal_factor(complement, gamma) * (2.0 + log_p - (gamma - 1.0) * s);
}

}  // namespace crossentropy::CE_ISA
