// Threads, in one place. Work is cut into chunks by its size alone, never by the number of threads, and every chunk
// writes only what is its own: results are the same bit for bit however many threads run (promise 21).
#pragma once

#include <omp.h>

#include <cstdint>

namespace crossentropy {

// How many threads the next large call uses: OpenMP's setting, or 1 in a child process made by fork (where the parent's
// pool of threads does not exist).
int thread_count();

// Below this many elements a call stays on its thread: waking others costs more.
constexpr std::int64_t serial_elements = 1 << 15;

// f(chunk, thread) for every chunk; thread < threads.
template <class F>
void for_chunks(std::int64_t chunks, int threads, F f) {
    if (threads <= 1 || chunks <= 1) {
        for (std::int64_t c = 0; c < chunks; ++c) f(c, 0);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (std::int64_t c = 0; c < chunks; ++c) f(c, omp_get_thread_num());
}

}  // namespace crossentropy
