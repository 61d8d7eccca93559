// The pool of threads: every chunk once, on numbered threads; exceptions, nested calls, calls from several threads at
// once, signals, forked children; and whose word on the number of threads counts.
#include <omp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "parallel.hpp"

using namespace crossentropy;

namespace {

// Whether every one of `chunks` ran once, on a thread below `threads`.
bool every_chunk_once(std::int64_t chunks, int threads) {
    std::vector<int> times((std::size_t)chunks);
    std::atomic<bool> numbered{true};
    for_chunks(chunks, threads, [&](std::int64_t chunk, int thread) {
        if (thread < 0 || thread >= threads) numbered = false;
        ++times[(std::size_t)chunk];
    });
    for (int n : times)
        if (n != 1) return false;
    return numbered;
}

void chunks_and_threads() {
    for (int repeat = 0; repeat < 200; ++repeat)
        for (int threads : {1, 2, 3, 16})
            for (int chunks : {0, 1, 2, 5, 100})
                CHECK(every_chunk_once(chunks, threads), "%d chunks, %d threads", chunks, threads);
}

// Chunks that wait for each other end only if as many threads run them at the same time.
bool run_at_the_same_time(int threads) {
    std::atomic<int> arrived{0};
    std::atomic<bool> all{true};
    for_chunks(threads, threads, [&](std::int64_t, int) {
        const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        ++arrived;
        while (arrived < threads)
            if (std::chrono::steady_clock::now() > late) {
                all = false;
                break;
            }
    });
    return all;
}

void threads_at_the_same_time() {
    for (int threads : {2, 4, 2, 7}) {
        CHECK(run_at_the_same_time(threads), "%d threads", threads);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the workers sleep now
    }
}

void exceptions_reach_the_caller() {
    for (int repeat = 0; repeat < 50; ++repeat) {
        std::atomic<int> arrived{0};
        std::string caught;
        try {
            for_chunks(4, 4, [&](std::int64_t, int thread) {
                ++arrived;
                while (arrived < 4) std::this_thread::yield();
                if (thread != 0) throw std::runtime_error("of a worker");
            });
        } catch (const std::runtime_error &error) {
            caught = error.what();
        }
        CHECK(caught == "of a worker", "'%s'", caught.c_str());
        bool out_of_memory = false;
        try {
            for_chunks(100, 4, [](std::int64_t chunk, int) {
                if (chunk == 57) throw std::bad_alloc();
            });
        } catch (const std::bad_alloc &) {
            out_of_memory = true;
        }
        CHECK(out_of_memory, "bad_alloc is lost");
        CHECK(every_chunk_once(100, 4), "after an exception");
    }
}

void nested_calls() {
    std::atomic<int> inner{0};
    for_chunks(8, 4, [&](std::int64_t, int) {
        for_chunks(8, 4, [&](std::int64_t, int thread) { inner += thread == 0 ? 1 : 1000; });
    });
    CHECK(inner == 64, "%d", (int)inner);
}

void calls_from_several_threads() {
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int repeat = 0; repeat < 300; ++repeat) wrong += !every_chunk_once(20, 3);
        });
    for (std::thread &caller : callers) caller.join();
    CHECK(wrong == 0, "%d calls", (int)wrong);
}

// A signal that only waiting threads may take goes to them, not to a worker, whom it would kill the process by.
void signals_are_not_for_workers() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    kill(getpid(), SIGUSR1);
    int received = 0;
    sigwait(&signals, &received);
    CHECK(received == SIGUSR1, "%d", received);
}

[[maybe_unused]] int status_of_child() {
    const pid_t child = fork();
    if (child == 0) _exit(run_at_the_same_time(3) && every_chunk_once(100, 3) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

[[maybe_unused]] void children_run_threads_of_their_own() {
    CHECK(every_chunk_once(100, 3), "in the parent");
    CHECK(status_of_child() == 0, "after a call");
    std::atomic<bool> inside{false}, forked{false};
    std::thread caller([&] {
        for_chunks(2, 2, [&](std::int64_t, int) {
            inside = true;
            while (!forked) std::this_thread::yield();
        });
    });
    while (!inside) std::this_thread::yield();
    CHECK(status_of_child() == 0, "during a call of another thread");
    forked = true;
    caller.join();
    CHECK(every_chunk_once(100, 3), "in the parent, later");
}

int in_a_new_thread() {
    int count = 0;
    std::thread([&] { count = thread_count(); }).join();
    return count;
}

void whose_word_counts() {
    const int first = thread_count();
    CHECK(first == omp_get_max_threads(), "OpenMP's setting, got %d", first);
    omp_set_num_threads(5);
    CHECK(thread_count() == 5 && in_a_new_thread() == first, "OpenMP's setting is one of its thread");
    set_thread_count(7);
    CHECK(thread_count() == 7 && in_a_new_thread() == 7, "the number for the process");
    omp_set_num_threads(3);
    CHECK(thread_count() == 3 && in_a_new_thread() == 7, "a later limit of this thread");
    omp_set_num_threads(7);
    CHECK(thread_count() == 7, "the limit put back");
    std::thread([] {
        omp_set_num_threads(1);
        CHECK(thread_count() == 1, "the limit of a thread that asks for the first time");
    }).join();
    int before = 0, told = 0, limited = 0;
    std::atomic<int> step{0};
    std::thread asked([&] {
        before = thread_count();
        step = 1;
        while (step < 2) std::this_thread::yield();
        told = thread_count();
        omp_set_num_threads(2);
        limited = thread_count();
    });
    while (step < 1) std::this_thread::yield();
    set_thread_count(9);
    step = 2;
    asked.join();
    CHECK(before == 7 && told == 9 && limited == 2, "another thread: %d, %d, %d", before, told, limited);
    set_thread_count(first);
    CHECK(thread_count() == first && in_a_new_thread() == first, "the last word");
}

}  // namespace

int main() {
    chunks_and_threads();
    threads_at_the_same_time();
    exceptions_reach_the_caller();
    nested_calls();
    calls_from_several_threads();
    signals_are_not_for_workers();
#if !defined(__SANITIZE_THREAD__) && !defined(CE_EMULATED)  // which cannot follow a child's new threads
    children_run_threads_of_their_own();
#endif
    whose_word_counts();
    return failures;
}
