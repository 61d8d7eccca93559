// A stretch of a row of elements in float64, for whoever computes the others in float32.
#pragma once

#include "chunks.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

constexpr int stretch_arrays = 7;  // of the thread's scratch, each as long as the stretch

// The losses added up; results of single elements are written.
Part run_stretch(const ElementProblem &, const Results &, const Scratch &, int thread, std::int64_t row,
                 std::int64_t first, std::int64_t count);

}  // namespace crossentropy::CE_ISA
