// Rows of few classes, or rows whose classes lie far apart (a class axis in the middle), as blocks of float32: one row
// in each lane, one vector for each class. Class c of the block's rows starts at z + c·pitch.
#pragma once

#include "floats.hpp"

namespace crossentropy::CE_ISA {

// Within each four lanes: the lower or upper two of a and b in turn, lane by lane or in pairs of lanes. Then the even
// or odd fours of a, and those of b.
#if defined(__AVX512F__)
inline Vec32 low_lanes(Vec32 a, Vec32 b) { return (Vec32)_mm512_unpacklo_ps((__m512)a, (__m512)b); }
inline Vec32 high_lanes(Vec32 a, Vec32 b) { return (Vec32)_mm512_unpackhi_ps((__m512)a, (__m512)b); }
inline Vec32 low_pairs(Vec32 a, Vec32 b) { return (Vec32)_mm512_unpacklo_pd((__m512d)a, (__m512d)b); }
inline Vec32 high_pairs(Vec32 a, Vec32 b) { return (Vec32)_mm512_unpackhi_pd((__m512d)a, (__m512d)b); }
inline Vec32 even_fours(Vec32 a, Vec32 b) { return (Vec32)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x88); }
inline Vec32 odd_fours(Vec32 a, Vec32 b) { return (Vec32)_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xdd); }
#elif defined(__AVX2__)
inline Vec32 low_lanes(Vec32 a, Vec32 b) { return (Vec32)_mm256_unpacklo_ps((__m256)a, (__m256)b); }
inline Vec32 high_lanes(Vec32 a, Vec32 b) { return (Vec32)_mm256_unpackhi_ps((__m256)a, (__m256)b); }
inline Vec32 low_pairs(Vec32 a, Vec32 b) { return (Vec32)_mm256_unpacklo_pd((__m256d)a, (__m256d)b); }
inline Vec32 high_pairs(Vec32 a, Vec32 b) { return (Vec32)_mm256_unpackhi_pd((__m256d)a, (__m256d)b); }
inline Vec32 even_fours(Vec32 a, Vec32 b) { return (Vec32)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x20); }
inline Vec32 odd_fours(Vec32 a, Vec32 b) { return (Vec32)_mm256_permute2f128_ps((__m256)a, (__m256)b, 0x31); }
#else
inline Vec32 low_lanes(Vec32 a, Vec32 b) { return Vec32{a[0], b[0], a[1], b[1]}; }
inline Vec32 high_lanes(Vec32 a, Vec32 b) { return Vec32{a[2], b[2], a[3], b[3]}; }
inline Vec32 low_pairs(Vec32 a, Vec32 b) { return Vec32{a[0], a[1], b[0], b[1]}; }
inline Vec32 high_pairs(Vec32 a, Vec32 b) { return Vec32{a[2], a[3], b[2], b[3]}; }
inline Vec32 even_fours(Vec32 a, Vec32) { return a; }
inline Vec32 odd_fours(Vec32, Vec32 b) { return b; }
#endif

// Lanes of n vectors of n: what was lane j of vector i becomes lane i of vector j.
inline void transpose(Vec32 (&x)[lanes32]) {
    constexpr int fours = lanes32 / 4;
    for (int i = 0; i < lanes32; i += 4) {  // four by four
        const Vec32 a = low_lanes(x[i], x[i + 1]), b = low_lanes(x[i + 2], x[i + 3]);
        const Vec32 c = high_lanes(x[i], x[i + 1]), d = high_lanes(x[i + 2], x[i + 3]);
        x[i] = low_pairs(a, b);
        x[i + 1] = high_pairs(a, b);
        x[i + 2] = low_pairs(c, d);
        x[i + 3] = high_pairs(c, d);
    }
    for (int j = 0; j < 4 && fours > 1; ++j) {  // then the fours
        if constexpr (fours == 2) {
            const Vec32 a = x[j], b = x[4 + j];
            x[j] = even_fours(a, b);
            x[4 + j] = odd_fours(a, b);
        } else if constexpr (fours == 4) {
            const Vec32 a = even_fours(x[j], x[4 + j]), b = odd_fours(x[j], x[4 + j]);
            const Vec32 c = even_fours(x[8 + j], x[12 + j]), d = odd_fours(x[8 + j], x[12 + j]);
            x[j] = even_fours(a, c);
            x[4 + j] = even_fours(b, d);
            x[8 + j] = odd_fours(a, c);
            x[12 + j] = odd_fours(b, d);
        }
    }
}

// Rows side by side, their classes far apart.
inline bool lies_in_planes(const View &view) { return view.stride[view.dims - 1] == 1 && view.col_stride != 1; }

// How the rows of a view are cut into blocks.
class Blocks {
  public:
    static constexpr std::int64_t widest = 512;
    static constexpr std::int64_t per_chunk = 1 << 16;  // floats: long enough to be read ahead

    explicit Blocks(const View &view) : view_(view), classes_(view.cols) {
        planes_ = lies_in_planes(view);
        run_ = planes_ ? view.shape[view.dims - 1] : view.rows;  // a block does not reach beyond it
        // rows stay in the first cache with all that is made of them; planes are read in long runs
        const std::int64_t floats = planes_ ? 16384 : 4096, most = planes_ ? widest : 128;
        width_ = floats / (classes_ > 0 ? classes_ : 1) / lanes32 * lanes32;
        if (width_ < lanes32) width_ = lanes32;
        if (width_ > most) width_ = most;
        pitch_ = width_ | lanes32;  // an odd number of vectors: a power of two would crowd few sets of the cache
        per_run_ = run_ > 0 ? (run_ + width_ - 1) / width_ : 0;
    }

    std::int64_t count() const { return run_ > 0 ? view_.rows / run_ * per_run_ : 0; }
    std::int64_t width() const { return width_; }
    std::int64_t pitch() const { return pitch_; }
    std::int64_t floats() const { return pitch_ * classes_; }
    std::int64_t first(std::int64_t block) const { return block / per_run_ * run_ + block % per_run_ * width_; }
    std::int64_t rows(std::int64_t block) const {
        const std::int64_t left = run_ - block % per_run_ * width_;
        return left < width_ ? left : width_;
    }

    // Any view of as many rows and columns as blocks of floats, and back. Lanes beyond `count` rows hold zeros.
    // `staging` has room for a block.
    void load(const View &view, std::int64_t first, std::int64_t count, float *z, float *staging) const {
        if (planes(view)) {
            View plane = plane_of(view);
            for (std::int64_t c = 0; c < view.cols; ++c) {
                plane.data = at(view, view.offset(first) + c * view.col_stride);
                const std::int64_t bytes = width_ * element_size(view);  // the next block lies there, most often
                for (std::int64_t b = 0; b < bytes; b += 64) __builtin_prefetch((const char *)plane.data + bytes + b);
                load_floats(plane, 0, 0, count, z + c * pitch_);
            }
        } else if (view.cols == 1 || view.col_stride == 1) {
            const float *rows = nullptr;
            std::int64_t step = view.stride[0];
            if (view.dtype == DType::f32 && view.dims == 1 && first + count + lanes32 <= view.rows && step >= view.cols)
                rows = (const float *)view.data + first * step;  // reading beyond a row's end stays inside the array
            if (!rows) {
                step = view.cols;
                for (std::int64_t l = 0; l < count; ++l) load_floats(view, first + l, 0, view.cols, staging + l * step);
                rows = staging;
            }
            load_rows(rows, step, count, view.cols, z);
        } else {
            for (std::int64_t l = 0; l < count; ++l) {
                load_floats(view, first + l, 0, view.cols, staging);
                for (std::int64_t c = 0; c < view.cols; ++c) z[c * pitch_ + l] = staging[c];
            }
        }
        for (std::int64_t c = 0; c < view.cols && count % lanes32 != 0; ++c)
            for (std::int64_t l = count; l % lanes32 != 0; ++l) z[c * pitch_ + l] = 0;
    }

    void store(const View &view, std::int64_t first, std::int64_t count, const float *y, float *staging) const {
        if (planes(view)) {
            View plane = plane_of(view);
            for (std::int64_t c = 0; c < view.cols; ++c) {
                plane.data = at(view, view.offset(first) + c * view.col_stride);
                store_floats(plane, 0, 0, count, y + c * pitch_);
            }
            return;
        }
        if (view.cols == 1)
            std::memcpy(staging, y, sizeof(float) * (std::size_t)count);
        else
            store_rows(y, count, view.cols, staging);
        if (view.dims == 1 && view.stride[0] == view.cols && (view.col_stride == 1 || view.cols == 1)) {
            View flat = view;  // rows end to end are one row
            flat.col_stride = 1;
            flat.cols = view.rows * view.cols;
            flat.rows = 1;
            store_floats(flat, 0, first * view.cols, count * view.cols, staging);
        } else {
            for (std::int64_t l = 0; l < count; ++l)
                store_floats(view, first + l, 0, view.cols, staging + l * view.cols);
        }
    }

    // One row of a block, for rows that cannot be stored together with their neighbours.
    void store_row(const View &view, std::int64_t row, std::int64_t lane, const float *y, float *staging) const {
        for (std::int64_t c = 0; c < view.cols; ++c) staging[c] = y[c * pitch_ + lane];
        store_floats(view, row, 0, view.cols, staging);
    }

    // Floats of the work space that load and store need.
    std::int64_t staging() const { return floats() + lanes32; }

  private:
    bool planes(const View &view) const {
        return planes_ && lies_in_planes(view) && view.shape[view.dims - 1] % run_ == 0;
    }

    static View plane_of(const View &view) {
        View plane = view;
        plane.dims = 1;
        plane.shape[0] = 1;
        plane.stride[0] = 0;
        plane.col_stride = 1;  // rows and cols stay: they tell how large the whole is
        return plane;
    }

    static std::int64_t element_size(const View &view) {
        return view.dtype == DType::f64 ? 8 : view.dtype == DType::f32 ? 4 : 2;
    }

    static void *at(const View &view, std::int64_t element) { return (char *)view.data + element * element_size(view); }

    // Rows `step` apart, lanes32 of them at a time; up to lanes32 floats beyond each row's end are read.
    void load_rows(const float *rows, std::int64_t step, std::int64_t count, std::int64_t cols, float *z) const {
        for (std::int64_t l = 0; l < count; l += lanes32) {
            const char *ahead = (const char *)(rows + l * step) + prefetched;
            for (std::int64_t b = 0; b < 4 * lanes32 * step; b += 64) __builtin_prefetch(ahead + b);
            for (std::int64_t c = 0; c < cols; c += lanes32) {
                Vec32 square[lanes32];
                for (int i = 0; i < lanes32; ++i) square[i] = load32(rows + (l + i < count ? l + i : l) * step + c);
                transpose(square);
                const std::int64_t left = cols - c;
                for (int i = 0; i < lanes32 && i < left; ++i) CE_ISA::store(z + (c + i) * pitch_ + l, square[i]);
            }
        }
    }

    // Rows end to end, their last columns first: what is stored beyond a row's end is overwritten by what comes later.
    void store_rows(const float *y, std::int64_t count, std::int64_t cols, float *rows) const {
        for (std::int64_t l = 0; l < count; l += lanes32)
            for (std::int64_t c = (cols - 1) / lanes32 * lanes32; c >= 0; c -= lanes32) {
                Vec32 square[lanes32];
                for (int i = 0; i < lanes32; ++i) square[i] = c + i < cols ? load32(y + (c + i) * pitch_ + l) : Vec32{};
                transpose(square);
                for (int i = 0; i < lanes32 && l + i < count; ++i) CE_ISA::store(rows + (l + i) * cols + c, square[i]);
            }
    }

    static constexpr std::int64_t prefetched = 8192;  // bytes ahead

    const View &view_;
    std::int64_t classes_, run_, width_, pitch_, per_run_;
    bool planes_;
};

}  // namespace crossentropy::CE_ISA
