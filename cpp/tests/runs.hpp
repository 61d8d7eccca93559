// Whether the machine runs what the test is compiled for; ctest reports the exit code `skipped` as such.
#pragma once

#include <cstdio>

constexpr int skipped = 77;

inline bool machine_runs_this() {
    bool runs = true;
#if defined(__AVX512F__)
    runs = __builtin_cpu_supports("x86-64-v4");
#elif defined(__AVX2__)
    runs = __builtin_cpu_supports("x86-64-v3");
#endif
    if (!runs) std::printf("the machine has not the instruction set of this test\n");
    return runs;
}
