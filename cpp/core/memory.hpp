// The memory of large results. Pages fresh from the system are zeroed one by one as they are first touched, which costs
// more than the arithmetic of a loss. So a large result lies in a block of huge pages, and when it is gone its block
// waits here for the next result of about that size. What waits never adds to the most that was in use at once, and the
// system may take its pages back (MADV_FREE) when it runs short.
#pragma once

#include <cstddef>
#include <list>

namespace crossentropy {

// From this size on a block of its own pays; the allocator of the C library reuses smaller ones well enough.
constexpr std::size_t smallest_block = std::size_t{4} << 20;

// The memory of one result: not initialised, aligned to 2 MiB on Linux and to 64 bytes elsewhere. std::bad_alloc where
// the system has none. May be made and destroyed on any thread.
class Block {
  public:
    explicit Block(std::size_t bytes);
    ~Block();
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;

    void *data() const { return span_.front().data; }
    std::size_t bytes() const { return bytes_; }

    struct Span {
        void *data;
        std::size_t bytes;  // whole pages
    };

  private:
    std::list<Span> span_;  // one, as a list so that giving it back cannot fail
    std::size_t bytes_;     // as asked for
};

struct MemoryUse {
    std::size_t in_use, waiting;  // bytes of the blocks
};

MemoryUse memory_use();
void release_memory();  // gives the blocks that wait back to the system

}  // namespace crossentropy
