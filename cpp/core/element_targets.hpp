// What the target of a single element may be: a sign, or a mass; for a squared error anything.
#pragma once

#include "dtypes.hpp"

namespace crossentropy::CE_ISA {

inline bool is_target(ElementFamily family, double t) {
    if (family == ElementFamily::soft_margin) return t == 1 || t == -1;
    return t >= 0 && t <= 1;
}

// The first target of a stretch that is none.
inline Finding check_targets(const ElementProblem &p, std::int64_t row, std::int64_t first, std::int64_t count) {
    if (p.family == ElementFamily::squared_error) return {};
    constexpr std::int64_t most = 128;
    double t[most];
    for (std::int64_t from = first; from < first + count; from += most) {
        const std::int64_t left = first + count - from, size = left < most ? left : most;
        load_row(p.targets, row, from, size, t);
        bool good = true;
        for (std::int64_t j = 0; j < size; ++j) good &= is_target(p.family, t[j]);
        if (good) continue;
        for (std::int64_t j = 0;; ++j)
            if (!is_target(p.family, t[j]))
                return {p.family == ElementFamily::soft_margin ? Fault::target_not_sign : Fault::target_out_of_range,
                        row, from + j, t[j]};
    }
    return {};
}

}  // namespace crossentropy::CE_ISA
