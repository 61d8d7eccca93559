// Threads, in one place. Work is cut into chunks by its size alone, never by the number of threads, and every chunk
// writes only what is its own: results are the same bit for bit however many threads run (promise 21).
#pragma once

#include <cstdint>

namespace crossentropy {

// How many threads the next large call of this thread uses; thread_count.cpp says whose word counts.
int thread_count();
void set_thread_count(int count);  // for the whole process; at least 1

// Below this many elements a call stays on its thread: waking others costs more.
constexpr std::int64_t serial_elements = 1 << 15;

// work(context, chunk, thread) for every chunk, once, on at most `threads` threads, the calling one among them;
// thread < threads. While the workers serve another call (of another thread, or the one this call is nested in), the
// calling thread does all of it. The first exception of a chunk is thrown here; chunks not yet begun are then dropped.
using Work = void (*)(void *context, std::int64_t chunk, int thread);
void run_chunks(std::int64_t chunks, int threads, Work work, void *context);

// f(chunk, thread) for every chunk. This header is shared by files compiled for different instruction sets: F must be a
// type of the set's own, as lambdas of its namespace are.
template <class F>
void for_chunks(std::int64_t chunks, int threads, F f) {
    run_chunks(
        chunks, threads,
        [](void *context, std::int64_t chunk, int thread) { (*static_cast<F *>(context))(chunk, thread); }, &f);
}

}  // namespace crossentropy
