// Cutting work into chunks, and adding up what they return, in their order.
#pragma once

#include <vector>

#include "parallel.hpp"
#include "problem.hpp"
#include "sums.hpp"

namespace crossentropy::CE_ISA {

// n units of `size` elements each, cut by the work alone.
struct Chunks {
    std::int64_t units, size, per_chunk;

    Chunks(std::int64_t n, std::int64_t size_of_unit, std::int64_t target = 1 << 14)
        : units(n), size(size_of_unit > 0 ? size_of_unit : 1), per_chunk(size >= target ? 1 : target / size) {}

    std::int64_t count() const { return (units + per_chunk - 1) / per_chunk; }
    int threads() const { return units * size < serial_elements ? 1 : thread_count(); }
};

struct Part {
    Sum<double> sum;
    Finding finding;
};

// f(first unit, end, thread) -> Part, for every chunk. The finding is the first in order; the sum then means nothing.
template <class F>
Weighed over_chunks(const Chunks &chunks, F f) {
    std::vector<Part> parts((std::size_t)chunks.count());
    for_chunks(chunks.count(), chunks.threads(), [&](std::int64_t chunk, int thread) {
        const std::int64_t end = (chunk + 1) * chunks.per_chunk;
        parts[(std::size_t)chunk] = f(chunk * chunks.per_chunk, end < chunks.units ? end : chunks.units, thread);
    });
    Part whole;
    for (const Part &part : parts) {
        if (part.finding.fault != Fault::none) return {0.0, part.finding};
        whole.sum.add(part.sum);
    }
    return {total(whole.sum), {}};
}

}  // namespace crossentropy::CE_ISA
