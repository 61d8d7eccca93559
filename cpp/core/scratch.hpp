// Work space of the threads: a few arrays of one row each, aligned, and padded to whole vectors.
#pragma once

#include <cstdlib>
#include <new>

#include "simd.hpp"

namespace crossentropy::CE_ISA {

inline std::int64_t padded(std::int64_t n) { return (n + lanes - 1) / lanes * lanes; }

// Zeros from count on, to whole vectors.
inline void pad(double *x, std::int64_t count) {
    for (std::int64_t j = count; j < padded(count); ++j) x[j] = 0;
}

class Scratch {
  public:
    Scratch(int threads, int arrays, std::int64_t length) : stride_((length + 8) / 8 * 8), arrays_(arrays) {
        void *memory = nullptr;
        if (posix_memalign(&memory, 64, sizeof(double) * (std::size_t)(stride_ * arrays * threads)) != 0)
            throw std::bad_alloc();
        memory_ = (double *)memory;
    }
    ~Scratch() { std::free(memory_); }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;

    double *array(int thread, int which) const { return memory_ + stride_ * (arrays_ * (std::int64_t)thread + which); }

  private:
    std::int64_t stride_;
    int arrays_;
    double *memory_;
};

}  // namespace crossentropy::CE_ISA
