#include "parallel.hpp"

#include <pthread.h>

#include <atomic>

namespace crossentropy {

namespace {

std::atomic<bool> forked{false};

const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });

}  // namespace

int thread_count() { return forked && registered == 0 ? 1 : omp_get_max_threads(); }

}  // namespace crossentropy
