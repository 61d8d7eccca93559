// A pool of threads that serves one call at a time. Workers look for the next call for some microseconds after each,
// then sleep: they take no core from whoever computes next, and a sequence of calls finds them awake.
#include "parallel.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace crossentropy {

namespace {

// Waking a sleeping thread takes about as long as this; waiting longer for it to be needed again wins nothing.
constexpr std::chrono::microseconds patience{30};

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Whether it came true within the patience.
template <class Condition>
bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    do {
        for (int i = 0; i < 16; ++i) {
            if (condition()) return true;
            pause();
        }
    } while (std::chrono::steady_clock::now() < end);
    return condition();
}

class Pool {
  public:
    // False where the workers are taken: nothing has been done then.
    bool run(std::int64_t chunks, int threads, Work work, void *context) {
        if (taken_.exchange(true)) return false;
        work_ = work;
        context_ = context;
        chunks_ = chunks;
        next_ = 0;
        finished_ = 0;
        const int helpers = employ((int)std::min<std::int64_t>(threads, chunks) - 1);
        call(helpers);
        take_part(0);
        const int helped = helpers - seats_.exchange(0);
        wait_for(helped);
        const std::exception_ptr error = std::exchange(error_, nullptr);
        taken_ = false;
        if (error) std::rethrow_exception(error);
        return true;
    }

  private:
    // At least `wanted` workers, or as many as the system allows.
    int employ(int wanted) {
        if (workers_ >= wanted) return wanted;
        sigset_t signals, before;  // one sent to the process is for threads that know of it
        sigfillset(&signals);
        for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&signals, fault);
        pthread_sigmask(SIG_SETMASK, &signals, &before);
        try {
            for (; workers_ < wanted; ++workers_) std::thread([this] { serve(); }).detach();
        } catch (const std::exception &) {  // no more threads to be had: those there are do the work
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return std::min((int)workers_, wanted);
    }

    // Offers seats to the workers, and wakes as many as are missing.
    void call(int helpers) {
        seats_ = helpers;
        const int asleep = sleepers_, missing = helpers - (workers_ - asleep);
        if (missing <= 0) return;
        {
            std::lock_guard<std::mutex> none_between_looking_and_sleeping(mutex_);
        }
        if (missing >= asleep) return wake_.notify_all();
        for (int i = 0; i < missing; ++i) wake_.notify_one();
    }

    // A worker's life. The pool is never destroyed: the process ends while they sleep.
    void serve() {
        for (;;) {
            auto called = [this] { return seats_ > 0; };
            if (!(workers_ < cores_ && soon(called))) {
                std::unique_lock<std::mutex> lock(mutex_);
                ++sleepers_;
                wake_.wait(lock, called);
                --sleepers_;
            }
            int seat = seats_;
            while (seat > 0 && !seats_.compare_exchange_weak(seat, seat - 1)) {
            }
            if (seat <= 0) continue;
            take_part(seat);
            ++finished_;
            if (waiting_) {
                std::lock_guard<std::mutex> lock(mutex_);
                done_.notify_one();
            }
        }
    }

    void take_part(int thread) {
        try {
            for (std::int64_t c; (c = next_++) < chunks_;) work_(context_, c, thread);
        } catch (...) {
            next_ = chunks_;
            std::lock_guard<std::mutex> lock(mutex_);
            if (!error_) error_ = std::current_exception();
        }
    }

    // Until all who took a seat have finished. A worker that never came is not waited for.
    void wait_for(int helped) {
        auto all_done = [&] { return finished_ == helped; };
        if (all_done() || (workers_ < cores_ && soon(all_done))) return;
        std::unique_lock<std::mutex> lock(mutex_);
        waiting_ = true;
        done_.wait(lock, all_done);
        waiting_ = false;
    }

    const int cores_ = (int)std::thread::hardware_concurrency();  // with fewer than threads, spinning delays the others
    std::atomic<bool> taken_{false};

    // the call being served; a worker reads it once it has a seat
    Work work_ = nullptr;
    void *context_ = nullptr;
    std::int64_t chunks_ = 0;
    std::exception_ptr error_;
    std::atomic<std::int64_t> next_{0};
    std::atomic<int> seats_{0};     // open ones; their numbers are the threads'
    std::atomic<int> finished_{0};  // workers that had a seat

    std::atomic<int> workers_{0}, sleepers_{0};
    std::atomic<bool> waiting_{false};  // the caller sleeps until `done_`
    std::mutex mutex_;
    std::condition_variable wake_, done_;
};

Pool *pool = new Pool;

// A child process has none of its parent's workers, and locks as they happened to be: it begins with a new pool.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });

}  // namespace

void run_chunks(std::int64_t chunks, int threads, Work work, void *context) {
    if (threads > 1 && chunks > 1 && pool->run(chunks, threads, work, context)) return;
    for (std::int64_t c = 0; c < chunks; ++c) work(context, c, 0);
}

}  // namespace crossentropy
