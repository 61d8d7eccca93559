#include "memory.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

namespace crossentropy {

namespace {

using Span = Block::Span;

constexpr std::size_t page = std::size_t{2} << 20;  // a huge page

#if defined(__linux__)

// Null where the system has none.
void *map(std::size_t bytes) {
    void *raw = mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    char *start = (char *)raw, *data = (char *)(((std::uintptr_t)raw + page - 1) / page * page);
    const std::size_t before = (std::size_t)(data - start), after = page - before;
    if (before > 0) munmap(start, before);
    if (after > 0) munmap(data + bytes, after);
    madvise(data, bytes, MADV_HUGEPAGE);  // a wish: results are as right on small pages
    return data;
}

void unmap(const Span &span) { munmap(span.data, span.bytes); }

void allow_reclaim(const Span &span) { madvise(span.data, span.bytes, MADV_FREE); }

#else

void *map(std::size_t bytes) {
    void *data = nullptr;
    return posix_memalign(&data, 64, bytes) == 0 ? data : nullptr;
}

void unmap(const Span &span) { std::free(span.data); }

void allow_reclaim(const Span &) {}

#endif

void unmap_all(const std::list<Span> &spans) {
    for (const Span &span : spans) unmap(span);
}

// System calls are made outside the lock, but for a child process just forked.
class Pool {
  public:
    std::list<Span> take(std::size_t asked) {
        if (asked > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
        const std::size_t bytes = std::max((asked + page - 1) / page, std::size_t{1}) * page;
        std::list<Span> taken;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            auto best = waiting_.end();
            for (auto it = waiting_.begin(); it != waiting_.end(); ++it)
                if (it->bytes >= bytes && it->bytes - bytes <= bytes / 4 &&
                    (best == waiting_.end() || it->bytes <= best->bytes))
                    best = it;
            if (best != waiting_.end()) {
                taken.splice(taken.end(), waiting_, best);
                waiting_bytes_ -= taken.front().bytes;
                use(taken.front().bytes);
                return taken;
            }
        }
        taken.push_back({map(bytes), bytes});
        if (!taken.front().data) {
            release();
            taken.front().data = map(bytes);
        }
        if (!taken.front().data) throw std::bad_alloc();
        std::list<Span> surplus;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            use(bytes);
            while (in_use_ + waiting_bytes_ > peak_) {  // the oldest first
                waiting_bytes_ -= waiting_.front().bytes;
                surplus.splice(surplus.end(), waiting_, waiting_.begin());
            }
        }
        unmap_all(surplus);
        return taken;
    }

    void give(std::list<Span> &&span) {
        allow_reclaim(span.front());
        const std::lock_guard<std::mutex> lock(mutex_);
        in_use_ -= span.front().bytes;
        waiting_bytes_ += span.front().bytes;
        waiting_.splice(waiting_.end(), span);
    }

    void release() {
        std::list<Span> surplus;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            forget(surplus);
        }
        unmap_all(surplus);
    }

    MemoryUse use() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return {in_use_, waiting_bytes_};
    }

    void before_fork() { mutex_.lock(); }
    void after_fork() { mutex_.unlock(); }
    void after_fork_in_child() {  // writing to what waits would copy the parent's pages
        std::list<Span> surplus;
        forget(surplus);
        mutex_.unlock();
        unmap_all(surplus);
    }

  private:
    void use(std::size_t bytes) {
        in_use_ += bytes;
        peak_ = std::max(peak_, in_use_);
    }

    void forget(std::list<Span> &surplus) {
        surplus.splice(surplus.end(), waiting_);
        waiting_bytes_ = 0;
        peak_ = in_use_;
    }

    std::mutex mutex_;
    std::list<Span> waiting_;  // oldest first
    std::size_t in_use_ = 0, waiting_bytes_ = 0;
    std::size_t peak_ = 0;  // the most that was in use at once, since the last release
};

Pool &pool() {
    static Pool *const only = new Pool;  // never destroyed: results may outlive every static object
    return *only;
}

// A fork finds the pool unlocked, and its child a pool of its own.
[[maybe_unused]] const int registered =
    pthread_atfork([] { pool().before_fork(); }, [] { pool().after_fork(); }, [] { pool().after_fork_in_child(); });

}  // namespace

Block::Block(std::size_t bytes) : span_(pool().take(bytes)), bytes_(bytes) {}

Block::~Block() { pool().give(std::move(span_)); }

MemoryUse memory_use() { return pool().use(); }

void release_memory() { pool().release(); }

}  // namespace crossentropy
