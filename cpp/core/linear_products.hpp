// The two products of a linear model's pass: logits of a group of rows, and sums of slopes times features.
#pragma once

#include <algorithm>

#include "linear.hpp"
#include "scratch.hpp"

namespace crossentropy::CE_ISA {

// Coefficients (K, D) and intercepts, filled up with zeros. Classes that fill vectors lie side by side in panels, and a
// row's features are taken one by one; of the few that are left each lies on its own, and features are taken side by
// side. Where these are all, their logits may lie in any order.
template <class T>
class Weights {
  public:
    Weights(const double *coef, const double *intercept, std::int64_t classes, std::int64_t features)
        : features_(features),
          row_(up_to_multiple(features, count)),
          few_(few_of(classes)),
          paneled_(up_to_multiple(classes - few_, count)),
          memory_(1, 1, (columns() * (row_ + 1)) * (std::int64_t)sizeof(T) / 8 + 1),
          values_((T *)memory_.array(0, 0)),
          offsets_(values_ + paneled_ * features + few_ * row_) {
        std::fill(values_, offsets_ + columns(), T(0));
        for (std::int64_t k = 0; k < classes; ++k) {
            const bool in_panel = k < classes - few_;
            const std::int64_t first = k / width * width, step = in_panel ? std::min(width, paneled_ - first) : 1;
            T *to = in_panel ? values_ + first * features + (k - first) : single(k);
            for (std::int64_t d = 0; d < features; ++d) to[d * step] = (T)coef[k * features + d];
            offsets_[k] = intercept ? (T)intercept[k] : T(0);
        }
    }

    bool all_are_few() const { return paneled_ == 0; }
    // Logits of a row, with what fills panels up.
    std::int64_t columns() const { return paneled_ + few_; }
    // Whether rows may be taken a few at a time.
    bool one_panel() const { return paneled_ <= width; }

    // Logits of `rows` rows, which are followed by others or zeros up to a multiple of row_unit.
    void multiply(const T *x, std::int64_t x_row, std::int64_t rows, T *z, std::int64_t z_row,
                  std::int64_t z_class) const {
        for (std::int64_t first = 0; first < paneled_; first += width)
            with_constant<tile_vectors>(std::min(width, paneled_ - first) / count,
                                        [&](auto vectors) { panel<vectors.value>(first, x, x_row, rows, z, z_row); });
        std::int64_t k = paneled_;
        if constexpr (count >= 8)
            for (; k + 4 <= columns(); k += 4) singles<4>(k, x, x_row, rows, z, z_row, z_class);
        if (k + 2 <= columns()) singles<2>(k, x, x_row, rows, z, z_row, z_class), k += 2;
        if (k < columns()) singles<1>(k, x, x_row, rows, z, z_row, z_class);
    }

  private:
    using L = Lanes<T>;
    static constexpr std::int64_t count = L::count, width = tile_vectors * count;

    // Of the classes that fill no vector, those that need no panel: sums across lanes cost as much as two vectors.
    std::int64_t few_of(std::int64_t classes) const {
        const std::int64_t left = classes % count;
        return classes < count || left * (row_ / count + 2) <= features_ ? left : 0;
    }

    T *single(std::int64_t k) const { return values_ + paneled_ * features_ + (k - paneled_) * row_; }

    template <int vectors>
    void panel(std::int64_t first, const T *x, std::int64_t x_row, std::int64_t rows, T *z, std::int64_t z_row) const {
        constexpr int tall = rows_beside(vectors);
        for (std::int64_t r = 0; r < rows; r += tall) {
            Tile<T, tall, vectors> tile;
            for (int v = 0; v < vectors; ++v) {
                const auto offset = L::load(offsets_ + first + v * count);
                for (int m = 0; m < tall; ++m) tile[m][v] = offset;
            }
            add_products<T, tall, vectors>(x + r * x_row, x_row, 1, values_ + first * features_, vectors * count,
                                           features_, tile);
            for (int m = 0; m < tall; ++m)
                for (int v = 0; v < vectors; ++v) store(z + (r + m) * z_row + first + v * count, tile[m][v]);
        }
    }

    template <int classes>
    void singles(std::int64_t first, const T *x, std::int64_t x_row, std::int64_t rows, T *z, std::int64_t z_row,
                 std::int64_t z_class) const {
        constexpr int tall = count / classes;
        T offset[count];
        for (int l = 0; l < count; ++l) offset[l] = offsets_[first + l / tall];
        const typename L::Vector offsets = L::load(offset);
        for (std::int64_t r = 0; r < rows; r += tall) {
            typename L::Vector sums[count];
            for (int l = 0; l < count; ++l) sums[l] = L::splat(0);
            const T *at[(tall + 2) / 3];
            for (int m = 0; m < tall; m += 3) at[m / 3] = x + (r + m) * x_row;
            for (std::int64_t d = 0; d < row_; d += count) {
                typename L::Vector w[classes];
                for (int k = 0; k < classes; ++k) w[k] = L::load(single(first + k) + d);
                for (int m = 0; m < tall; ++m) {
                    const typename L::Vector own = L::load(at[m / 3] + m % 3 * x_row + d);
                    for (int k = 0; k < classes; ++k) sums[k * tall + m] = fma(own, w[k], sums[k * tall + m]);
                }
            }
            T lane[count];
            store(lane, sums_of<T>(sums) + offsets);
            for (int k = 0; k < classes; ++k) {
                T *to = z + r * z_row + (first + k) * z_class;
                if (z_row == 1)
                    for (int m = 0; m < tall; ++m) to[m] = lane[k * tall + m];
                else
                    for (int m = 0; m < tall; ++m) to[m * z_row] = lane[k * tall + m];
            }
        }
    }

    const std::int64_t features_, row_, few_, paneled_;
    const Scratch memory_;  // no std::vector: its functions may be linked into code for other instruction sets
    T *const values_, *const offsets_;
};

// Σ slopesᵀ·features (K, D), rows filled up to whole vectors; of a symmetric product only tiles with elements on the
// diagonal or above it.
template <class T>
class Sums {
  public:
    Sums(std::int64_t classes, std::int64_t features, bool symmetric = false)
        : classes_(classes), features_(features), row_(up_to_multiple(features, count)), symmetric_(symmetric) {}

    // Of a row, as features must be filled up to; and of all sums.
    std::int64_t row() const { return row_; }
    std::int64_t numbers() const { return classes_ * row_; }

    void add(T *sums, const T *z, std::int64_t z_row, std::int64_t z_class, const T *x, std::int64_t x_row,
             std::int64_t rows) const {
        const std::int64_t tiles = (classes_ + tile_rows - 1) / tile_rows;
        for (std::int64_t d = 0; d < row_; d += width)
            for (std::int64_t t = 0; t < tiles; ++t) {
                const std::int64_t k = classes_ * t / tiles, tall = classes_ * (t + 1) / tiles - k;
                if (symmetric_ && d + width <= k) continue;
                with_constant<tile_vectors>(std::min(width, row_ - d) / count, [&](auto vectors) {
                    with_constant<tile_rows>(tall, [&](auto height) {
                        add_tile<height.value, vectors.value>(sums + k * row_ + d, z + k * z_class, z_row, z_class,
                                                              x + d, x_row, rows);
                    });
                });
            }
    }

    // Adds all to the results (K, D), and leaves zeros.
    void move(T *sums, double *to) const {
        for (std::int64_t k = 0; k < classes_; ++k, sums += row_, to += features_) {
            for (std::int64_t d = 0; d < features_; ++d) to[d] += (double)sums[d];
            std::fill(sums, sums + row_, T(0));
        }
    }

  private:
    using L = Lanes<T>;
    static constexpr std::int64_t count = L::count, width = tile_vectors * count;

    template <int height, int vectors>
    void add_tile(T *sums, const T *z, std::int64_t z_row, std::int64_t z_class, const T *x, std::int64_t x_row,
                  std::int64_t rows) const {
        Tile<T, height, vectors> tile;
        for (int m = 0; m < height; ++m)
            for (int v = 0; v < vectors; ++v) tile[m][v] = L::load(sums + m * row_ + v * count);
        add_products<T, height, vectors>(z, z_class, z_row, x, x_row, rows, tile);
        for (int m = 0; m < height; ++m)
            for (int v = 0; v < vectors; ++v) store(sums + m * row_ + v * count, tile[m][v]);
    }

    std::int64_t classes_, features_, row_;
    bool symmetric_;
};

}  // namespace crossentropy::CE_ISA
