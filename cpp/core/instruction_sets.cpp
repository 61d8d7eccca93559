#include "instruction_sets.hpp"

#include <atomic>

namespace crossentropy {

#if defined(__x86_64__)
namespace x86_64_v4 {
extern const Kernels table;
}
namespace x86_64_v3 {
extern const Kernels table;
}
#endif
namespace baseline {
extern const Kernels table;
}

namespace {

std::vector<const Kernels *> runnable() {
    std::vector<const Kernels *> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) found.push_back(&x86_64_v4::table);
    if (__builtin_cpu_supports("x86-64-v3")) found.push_back(&x86_64_v3::table);
#endif
    found.push_back(&baseline::table);
    return found;
}

std::atomic<const Kernels *> &in_use() {
    static std::atomic<const Kernels *> chosen{runnable().front()};
    return chosen;
}

}  // namespace

const Kernels &kernels() { return *in_use().load(std::memory_order_relaxed); }

std::vector<std::string> available() {
    std::vector<std::string> names;
    for (const Kernels *k : runnable()) names.emplace_back(k->name);
    return names;
}

bool use_instruction_set(const std::string &name) {
    for (const Kernels *k : runnable())
        if (name == k->name) {
            in_use() = k;
            return true;
        }
    return false;
}

}  // namespace crossentropy
