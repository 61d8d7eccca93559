// The loss of a linear model in one pass over its features. A group of rows is read once: its logits, their loss and
// slopes in place, and the products of slopes and features are made while the group lies in the second cache, so that
// memory is read once and N×K logits never are.
#include "linear.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "dtypes.hpp"
#include "kernels.hpp"
#include "parallel.hpp"
#include "parts.hpp"
#include "scratch.hpp"
#include "sums.hpp"

namespace crossentropy::CE_ISA {

namespace {

// What a group of rows may take of the second cache with its logits.
constexpr std::int64_t group_bytes = 3 << 18;

// Stripes of rows: each is summed by one thread on its own, and added to the results in the stripes' order.
constexpr std::int64_t stripe_rows = 1024, most_stripes = 256;

// Coefficients (K, D) and intercepts as panels of some classes side by side, filled up with zeros.
template <class T>
class Panels {
  public:
    static constexpr std::int64_t widest = 2 * Lanes<T>::count;

    Panels(const double *coef, const double *intercept, std::int64_t classes, std::int64_t features)
        : features_(features), columns_(up_to_multiple(classes, Lanes<T>::count)) {
        values_.resize((std::size_t)(columns_ * features));
        offsets_.resize((std::size_t)columns_);
        for (std::int64_t k = 0; k < classes; ++k) {
            offsets_[(std::size_t)k] = intercept ? (T)intercept[k] : T(0);
            const std::int64_t first = k / widest * widest, width = width_from(first);
            T *to = values_.data() + first * features + (k - first);
            for (std::int64_t d = 0; d < features; ++d) to[d * width] = (T)coef[k * features + d];
        }
    }

    std::int64_t columns() const { return columns_; }

    // Logits of `rows` rows, which are followed by others or zeros up to whole tiles.
    void multiply(const T *x, std::int64_t x_row, std::int64_t rows, T *z, std::int64_t z_row) const {
        for (std::int64_t first = 0; first < columns_; first += widest)
            if (width_from(first) == widest)
                panel<2>(first, x, x_row, rows, z, z_row);
            else
                panel<1>(first, x, x_row, rows, z, z_row);
    }

  private:
    std::int64_t width_from(std::int64_t first) const { return columns_ - first < widest ? columns_ - first : widest; }

    template <int vectors>
    void panel(std::int64_t first, const T *x, std::int64_t x_row, std::int64_t rows, T *z, std::int64_t z_row) const {
        using L = Lanes<T>;
        for (std::int64_t r = 0; r < rows; r += tile_rows) {
            Tile<T, vectors> tile;
            for (int v = 0; v < vectors; ++v) {
                const auto offset = L::load(offsets_.data() + first + v * L::count);
                for (int m = 0; m < tile_rows; ++m) tile[m][v] = offset;
            }
            add_rows<T, vectors>(x + r * x_row, x_row, values_.data() + first * features_, vectors * L::count,
                                 features_, tile);
            for (int m = 0; m < tile_rows; ++m)
                for (int v = 0; v < vectors; ++v) store(z + (r + m) * z_row + first + v * L::count, tile[m][v]);
        }
    }

    std::int64_t features_, columns_;
    std::vector<T> values_, offsets_;
};

// Σ slopesᵀ·features, in tiles; of a symmetric product only tiles with elements on the diagonal or above it.
template <class T>
class Sums {
  public:
    static constexpr std::int64_t width = 2 * Lanes<T>::count;

    Sums(std::int64_t classes, std::int64_t features, bool symmetric = false)
        : classes_(classes), features_(features), panels_((features + width - 1) / width), symmetric_(symmetric) {}

    std::int64_t numbers() const { return up_to_multiple(classes_, tile_rows) * panels_ * width; }

    void add(T *sums, const T *z, std::int64_t z_row, const T *x, std::int64_t x_row, std::int64_t rows) const {
        using L = Lanes<T>;
        for (std::int64_t panel = 0; panel < panels_; ++panel)
            for (std::int64_t k = 0; k < classes_; k += tile_rows) {
                if (symmetric_ && (panel + 1) * width <= k) continue;
                T *at = sums + (k * panels_ + panel * tile_rows) * width;
                Tile<T, 2> tile;
                for (int m = 0; m < tile_rows; ++m)
                    for (int v = 0; v < 2; ++v) tile[m][v] = L::load(at + m * width + v * L::count);
                add_columns<T, 2>(z + k, z_row, x + panel * width, x_row, rows, tile);
                for (int m = 0; m < tile_rows; ++m)
                    for (int v = 0; v < 2; ++v) store(at + m * width + v * L::count, tile[m][v]);
            }
    }

    // Adds all to the results (K, D), and leaves zeros.
    void move(T *sums, double *to) const {
        for (std::int64_t k = 0; k < classes_; ++k)
            for (std::int64_t panel = 0; panel < panels_; ++panel) {
                const std::int64_t first = panel * width, left = features_ - first;
                const T *at = sums + ((k / tile_rows * panels_ + panel) * tile_rows + k % tile_rows) * width;
                for (std::int64_t d = 0; d < (left < width ? left : width); ++d)
                    to[k * features_ + first + d] += (double)at[d];
            }
        for (std::int64_t i = 0; i < numbers(); ++i) sums[i] = 0;
    }

  private:
    std::int64_t classes_, features_, panels_;
    bool symmetric_;
};

// Gives the stripes their turns, in order. What began before a stripe always ends.
class Turn {
  public:
    Turn(std::atomic<std::int64_t> &next, std::int64_t mine) : next_(next), mine_(mine) {}
    ~Turn() {
        wait();
        next_ = mine_ + 1;
    }
    void wait() const {
        while (next_ != mine_) std::this_thread::yield();
    }

  private:
    std::atomic<std::int64_t> &next_;
    std::int64_t mine_;
};

// Rows of features as numbers of type T.
template <class T>
class Reader {
  public:
    explicit Reader(const Features &features) : view_(features.view) {
        if (!features.shift) return;
        shift_.assign(features.shift, features.shift + view_.cols);
        scale_.assign(features.scale, features.scale + view_.cols);
    }

    void read(std::int64_t row, T *out) const {
        if (view_.dtype == DType::f32)
            convert((const float *)view_.data + view_.offset(row), out);
        else
            convert((const double *)view_.data + view_.offset(row), out);
    }

  private:
    // Shifted in the wider of the two types: what two large numbers differ by must not be lost.
    template <class From>
    void convert(const From *in, T *out) const {
        using Wide = decltype(From() + T());
        const std::int64_t count = view_.cols, step = view_.col_stride;
        if (shift_.empty())
            for (std::int64_t d = 0; d < count; ++d) out[d] = (T)in[d * step];
        else if (step == 1)
            for (std::int64_t d = 0; d < count; ++d) out[d] = (T)(((Wide)in[d] - (Wide)shift_[d]) * (Wide)scale_[d]);
        else
            for (std::int64_t d = 0; d < count; ++d)
                out[d] = (T)(((Wide)in[d * step] - (Wide)shift_[d]) * (Wide)scale_[d]);
    }

    View view_;
    std::vector<double> shift_, scale_;
};

// Rows in stripes that are cut by the work alone.
struct Stripes {
    std::int64_t rows, each, count;
    int threads;

    Stripes(std::int64_t n, std::int64_t features) : rows(n), each((n + most_stripes - 1) / most_stripes) {
        if (each < stripe_rows) each = stripe_rows;
        count = (rows + each - 1) / each;
        threads = rows * features < serial_elements ? 1 : (int)std::min<std::int64_t>(thread_count(), count);
    }

    // f(first, end, thread, turn): what follows turn.wait() happens in the stripes' order.
    template <class F>
    void run(F f) const {
        std::atomic<std::int64_t> next{0};
        for_chunks(count, threads, [&](std::int64_t stripe, int thread) {
            const Turn turn(next, stripe);
            f(stripe * each, std::min(rows, (stripe + 1) * each), thread, turn);
        });
    }
};

// How many rows make a group where each takes so many numbers.
template <class T>
std::int64_t rows_of_a_group(std::int64_t numbers) {
    const std::int64_t fitting = group_bytes / (std::int64_t)sizeof(T) / numbers, least = 4 * tile_rows;
    return up_to_multiple(fitting < least ? least : fitting > 512 ? 512 : fitting, tile_rows);
}

template <class T, class Problem>
Weighed pass(const Problem &p, const LinearProblem &model) {
    const std::int64_t features = model.features.view.cols, classes = p.predictions.cols;
    const Panels<T> weight(model.coef, model.intercept, classes, features);
    const Sums<T> products(classes, features);
    const Reader<T> reader(model.features);
    const Stripes stripes(model.features.view.rows, features);

    const std::int64_t x_row = odd_lines<T>(up_to_multiple(features, Sums<T>::width));
    const std::int64_t z_row = odd_lines<T>(up_to_multiple(weight.columns(), tile_rows));
    const std::int64_t group = rows_of_a_group<T>(x_row + z_row);
    const std::int64_t numbers = group * (x_row + z_row) + products.numbers();
    const Scratch scratch(stripes.threads, 1, numbers * (std::int64_t)sizeof(T) / 8 + 8);
    const Scratch totals(stripes.threads, 1, classes);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(T));

    Sum<double> sum;
    Finding finding;
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &turn) {
        T *x = (T *)scratch.array(thread, 0), *z = x + group * x_row, *sums = z + group * z_row;
        double *column_sums = totals.array(thread, 0);
        std::fill(column_sums, column_sums + classes, 0.0);
        Sum<double> part;
        Finding found;
        for (std::int64_t first = begin; first < end; first += group) {
            const std::int64_t count = std::min(group, end - first);
            for (std::int64_t r = 0; r < count; ++r) reader.read(first + r, x + r * x_row);
            weight.multiply(x, x_row, count, z, z_row);
            const View logits = block_of(z, count, classes, z_row);
            Results out;
            out.order = Order::gradient;
            out.derivative = logits;
            const Weighed loss = run(part_of(p, first, logits), out);
            part.add(loss.total);
            if (loss.finding.fault != Fault::none && found.fault == Fault::none) {
                found = loss.finding;
                found.row += first;
            }
            products.add(sums, z, z_row, x, x_row, count);
            for (std::int64_t r = 0; r < count; ++r)
                for (std::int64_t k = 0; k < classes; ++k) column_sums[k] += (double)z[r * z_row + k];
        }
        turn.wait();
        sum.add(part);
        if (finding.fault == Fault::none) finding = found;
        products.move(sums, model.coef_gradient);
        for (std::int64_t k = 0; k < classes; ++k) model.intercept_gradient[k] += column_sums[k];
    });
    return {total(sum), finding};
}

template <class T>
void logits(const LogitsProblem &p) {
    const std::int64_t features = p.features.view.cols, classes = p.logits.cols;
    const Panels<T> weight(p.coef, p.intercept, classes, features);
    const Reader<T> reader(p.features);
    const Stripes stripes(p.features.view.rows, features);
    const std::int64_t x_row = odd_lines<T>(features), z_row = odd_lines<T>(weight.columns());
    const std::int64_t group = rows_of_a_group<T>(x_row + z_row), numbers = group * (x_row + z_row);
    const Scratch scratch(stripes.threads, 1, numbers * (std::int64_t)sizeof(T) / 8 + 8);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(T));
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &) {
        T *x = (T *)scratch.array(thread, 0), *z = x + group * x_row;
        for (std::int64_t first = begin; first < end; first += group) {
            const std::int64_t count = std::min(group, end - first);
            for (std::int64_t r = 0; r < count; ++r) reader.read(first + r, x + r * x_row);
            weight.multiply(x, x_row, count, z, z_row);
            for (std::int64_t r = 0; r < count; ++r)
                with_storage(p.logits.dtype, [&](auto storage) {
                    using S = decltype(storage);
                    auto *to = (typename S::Type *)p.logits.data + p.logits.offset(first + r);
                    for (std::int64_t k = 0; k < classes; ++k)
                        to[k * p.logits.col_stride] = S::put((double)z[r * z_row + k]);
                });
        }
    });
}

}  // namespace

void run_logits(const LogitsProblem &p) { p.single ? logits<float>(p) : logits<double>(p); }

std::int64_t run_moments(const MomentsProblem &p) {
    const std::int64_t features = p.features.view.cols;
    const Reader<double> reader(p.features);
    const Stripes stripes(p.features.view.rows, features);
    const Scratch scratch(stripes.threads, 3, features);
    std::int64_t found = -1;
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &turn) {
        double *x = scratch.array(thread, 0), *sum = scratch.array(thread, 1), *square = scratch.array(thread, 2);
        std::fill(sum, sum + features, 0.0);
        std::fill(square, square + features, 0.0);
        std::int64_t wrong = -1;
        for (std::int64_t r = begin; r < end; ++r) {
            reader.read(r, x);
            const double w = p.weight[r];
            double zero = 0;  // stays 0 unless an element is not finite
            for (std::int64_t d = 0; d < features; ++d) {
                const double away = x[d] - p.origin[d];
                sum[d] += w * away;
                square[d] += w * away * away;
            }
            for (std::int64_t d = 0; d < features; ++d) zero += x[d] * 0.0;
            if (zero == 0 || wrong >= 0) continue;
            for (std::int64_t d = features; d-- > 0;)
                if (!(x[d] * 0.0 == 0)) wrong = r * features + d;
        }
        turn.wait();
        if (found < 0) found = wrong;
        for (std::int64_t d = 0; d < features; ++d) {
            p.sum[d] += sum[d];
            p.square[d] += square[d];
        }
    });
    return found;
}

Weighed run_linear_rows(const RowProblem &p, const LinearProblem &model) {
    return model.single ? pass<float>(p, model) : pass<double>(p, model);
}
Weighed run_linear_elements(const ElementProblem &p, const LinearProblem &model) {
    return model.single ? pass<float>(p, model) : pass<double>(p, model);
}

void run_gram(const GramProblem &p) {
    const std::int64_t features = p.features.view.cols, size = features + p.intercept;
    const Sums<float> products(size, size, true);
    const Reader<float> reader(p.features);
    const Stripes stripes(p.count, features);
    const std::int64_t x_row = odd_lines<float>(up_to_multiple(size, Sums<float>::width) + tile_rows);
    const std::int64_t group = rows_of_a_group<float>(2 * x_row), numbers = group * 2 * x_row + products.numbers();
    const Scratch scratch(stripes.threads, 1, numbers / 2 + 8);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(float));
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &turn) {
        float *x = (float *)scratch.array(thread, 0), *weighted = x + group * x_row, *sums = weighted + group * x_row;
        for (std::int64_t first = begin; first < end; first += group) {
            const std::int64_t count = std::min(group, end - first);
            for (std::int64_t r = 0; r < count; ++r) {
                float *row = x + r * x_row, *by_weight = weighted + r * x_row;
                reader.read(p.rows ? p.rows[first + r] : first + r, row);
                if (p.intercept) row[features] = 1.0f;
                const float weight = (float)p.weight[first + r];
                for (std::int64_t d = 0; d < size; ++d) by_weight[d] = weight * row[d];
            }
            products.add(sums, weighted, x_row, x, x_row, count);
        }
        turn.wait();
        products.move(sums, p.gram);
    });
    for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j < i; ++j) p.gram[i * size + j] = p.gram[j * size + i];
}

}  // namespace crossentropy::CE_ISA
