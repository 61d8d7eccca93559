// The memory of results: alignment, reuse, the bound on what waits, blocks on many threads at once, a forked child.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "check.hpp"
#include "memory.hpp"

using namespace crossentropy;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

using Held = std::unique_ptr<Block>;

Held block(std::size_t bytes) { return std::make_unique<Block>(bytes); }

void check_use(std::size_t in_use, std::size_t waiting) {
    const MemoryUse use = memory_use();
    CHECK(use.in_use == in_use * mib && use.waiting == waiting * mib, "in use %zu, waiting %zu; expected %zu, %zu MiB",
          use.in_use, use.waiting, in_use, waiting);
}

void blocks_are_aligned_and_writeable_to_the_last_byte() {
    for (std::size_t bytes : {std::size_t{0}, std::size_t{1}, 4 * mib, 4 * mib + 1, 64 * mib - 1}) {
        const Held held = block(bytes);
        CHECK((std::uintptr_t)held->data() % 64 == 0, "%zu bytes at %p", bytes, held->data());
        CHECK(held->bytes() == bytes, "%zu", held->bytes());
        std::memset(held->data(), 0xff, bytes);
    }
    release_memory();
    check_use(0, 0);
}

void a_block_serves_the_next_of_about_its_size() {
    Held first = block(40 * mib);
    const void *where = first->data();
    first.reset();
    check_use(0, 40);
    Held larger = block(40 * mib + 1);  // does not fit: the one that waits is surplus now
    CHECK(larger->data() != nullptr, "none");
    check_use(42, 0);
    larger.reset();
    Held fitting = block(34 * mib);
    check_use(42, 0);
    fitting.reset();
    Held small = block(32 * mib);  // more than a quarter would be idle: a block of its own, within the 42 MiB
    check_use(32, 0);
    small.reset();
    release_memory();

    first = block(40 * mib);
    where = first->data();
    first.reset();
    const Held again = block(39 * mib);
    CHECK(again->data() == where, "%p, not %p", again->data(), where);
    check_use(40, 0);
}

void what_waits_never_adds_to_the_most_in_use() {
    release_memory();
    Held a = block(10 * mib), b = block(20 * mib);
    a.reset();
    b.reset();
    check_use(0, 30);
    const Held c = block(8 * mib);  // fits the oldest
    check_use(10, 20);
    const Held d = block(4 * mib);  // 34 MiB would be held: the 20 go
    check_use(14, 0);
}

void no_memory_is_an_exception() {
    release_memory();
    block(4 * mib);
    for (std::size_t bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 60}) {
        bool thrown = false;
        try {
            block(bytes);
        } catch (const std::bad_alloc &) {
            thrown = true;
        }
        CHECK(thrown, "%zu bytes", bytes);
    }
    check_use(0, 0);  // what waited was given back before giving up
}

void many_threads() {
    release_memory();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([t] {
            for (int i = 0; i < 200; ++i) {
                const std::size_t bytes = (4 + (std::size_t)((t * 7 + i) % 5) * 2) * mib;
                const Held held = block(bytes);
                char *data = (char *)held->data();
                data[0] = data[bytes - 1] = (char)t;
                std::this_thread::yield();
                CHECK(data[0] == t && data[bytes - 1] == t, "thread %d: another wrote into its block", t);
                if (i % 50 == 0) release_memory();
            }
        });
    for (std::thread &thread : threads) thread.join();
    release_memory();
    check_use(0, 0);
}

// A fork in the middle of other threads' work finds the pool unlocked, and what is in use as it was.
void a_forked_child() {
    const Held kept = block(4 * mib);
    std::memset(kept->data(), 7, 4 * mib);
    block(4 * mib);
    bool stop = false;
    std::thread busy([&stop] {
        while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) block(6 * mib);
    });
    for (int i = 0; i < 50; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(20);  // a deadlock ends here
            const Held fresh = block(4 * mib);
            std::memset(fresh->data(), 1, 4 * mib);
            const char *data = (const char *)kept->data();
            _exit(data[0] == 7 && data[4 * mib - 1] == 7 && memory_use().waiting == 0 ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK(status == 0, "child %d ended with status %d", i, status);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    busy.join();
}

}  // namespace

int main() {
    blocks_are_aligned_and_writeable_to_the_last_byte();
    a_block_serves_the_next_of_about_its_size();
    what_waits_never_adds_to_the_most_in_use();
    no_memory_is_an_exception();
    many_threads();
    a_forked_child();
    return failures;
}
