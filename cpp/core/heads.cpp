// What a head does with a block of logits' gradients beside matrix products: which classes count, and sums of bfloat16
// products that lose nothing.
#include "chunks.hpp"
#include "floats.hpp"
#include "kernels.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

void mark_columns(const View &block, const double *scale, double eps, std::uint8_t *marks) {
    const std::int64_t width = 1024;
    const Chunks chunks((block.cols + width - 1) / width, width * block.rows);
    const Scratch scratch(chunks.threads(), 1, width);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        float *x = (float *)scratch.array(thread, 0);
        for (std::int64_t c = begin; c < end; ++c) {
            const std::int64_t first = c * width, left = block.cols - first, count = left < width ? left : width;
            for (std::int64_t j = 0; j < count; ++j) marks[first + j] = 0;
            for (std::int64_t r = 0; r < block.rows; ++r) {
                const float least = (float)(eps * scale[r]);
                load_floats(block, r, first, count, x);
                for (std::int64_t j = 0; j < count; ++j) marks[first + j] |= !(__builtin_fabsf(x[j]) <= least);
            }
        }
        return Part{};
    });
}

void add_to_halves(const View &tile, bool first, std::uint16_t *upper, std::uint16_t *lower) {
    const Chunks chunks(tile.rows, tile.cols);
    const Scratch scratch(chunks.threads(), 1, tile.cols);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int thread) {
        float *x = (float *)scratch.array(thread, 0);
        for (std::int64_t r = begin; r < end; ++r) {
            load_floats(tile, r, 0, tile.cols, x);
            std::uint16_t *up = upper + r * tile.cols, *low = lower + r * tile.cols;
            for (std::int64_t j = 0; j < tile.cols; ++j) {
                const float before = bit_cast<float>((std::uint32_t)up[j] << 16 | low[j]);
                const std::uint32_t sum = bit_cast<std::uint32_t>(first ? x[j] : before + x[j]);
                up[j] = (std::uint16_t)(sum >> 16);
                low[j] = (std::uint16_t)sum;
            }
        }
        return Part{};
    });
}

// To nearest, ties to even; a NaN stays one.
void round_halves(std::uint16_t *upper, const std::uint16_t *lower, std::int64_t count) {
    const Chunks chunks(count, 1);
    over_chunks(chunks, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t j = begin; j < end; ++j) {
            const std::uint32_t bits = (std::uint32_t)upper[j] << 16 | lower[j];
            const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
            upper[j] = (std::uint16_t)(nan ? 0x7fc0u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
        }
        return Part{};
    });
}

}  // namespace crossentropy::CE_ISA
