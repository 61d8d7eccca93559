// How many threads. OpenMP's setting is ours: OMP_NUM_THREADS and threadpoolctl (threadpool_limits), which both know
// OpenMP's library, reach us through it; nothing else of OpenMP is used. That setting is one of each thread, so the
// number chosen for the process is handed to a thread's setting when it next asks. Where the setting is no longer as
// we left it, someone has limited that thread, and this stands.
#include <omp.h>

#include <atomic>
#include <thread>

#include "parallel.hpp"

namespace crossentropy {

namespace {

std::atomic<int> chosen{0};     // 0: no one has
std::atomic<int> untouched{0};  // the setting of a thread that no one has told anything
thread_local int left_at = 0;   // what we have set in this thread; 0: nothing

void tell(int count) {
    omp_set_num_threads(count);
    left_at = count;
}

}  // namespace

int thread_count() {
    const int setting = omp_get_max_threads(), wanted = chosen;
    if (wanted == 0 || setting != (left_at != 0 ? left_at : (int)untouched)) return setting;
    if (wanted != left_at) tell(wanted);
    return wanted;
}

void set_thread_count(int count) {
    if (chosen == 0) std::thread([] { untouched = omp_get_max_threads(); }).join();
    chosen = count;
    tell(count);
}

}  // namespace crossentropy
