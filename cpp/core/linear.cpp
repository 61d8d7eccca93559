// The loss of a linear model in one pass over its features. A group of rows is read once: its logits, their loss and
// slopes in place, and the products of slopes and features are made while the group lies in the second cache, so that
// memory is read once and N×K logits never are.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "dtypes.hpp"
#include "kernels.hpp"
#include "linear_products.hpp"
#include "parallel.hpp"
#include "parts.hpp"
#include "scratch.hpp"
#include "sums.hpp"

namespace crossentropy::CE_ISA {

namespace {

// What a group of rows may take of the second cache with its logits, and the most rows it has.
constexpr std::int64_t group_bytes = 3 << 18, group_rows = 10 * row_unit;

// Stripes of rows: each is summed by one thread on its own, and added to the results in the stripes' order.
constexpr std::int64_t stripe_rows = 2 * group_rows, most_stripes = 256;

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
    explicit Reader(const Features &features) : view_(features.view), shifted_(features.shift) {
        if (!shifted_) return;
        singles_.assign(features);
        doubles_.assign(features);
    }

    void read(std::int64_t row, T *out) const {
        if (view_.dtype == DType::f32)
            convert((const float *)view_.data + view_.offset(row), out);
        else
            convert((const double *)view_.data + view_.offset(row), out);
    }

    // Asks memory for a row that is read later, or for nothing where there is none. Inlined, since GCC drops calls of
    // what does nothing but prefetch.
    __attribute__((always_inline)) void ask(std::int64_t row) const {
        const std::int64_t size = view_.dtype == DType::f32 ? 4 : 8;
        if (view_.col_stride != 1 || row >= view_.rows) return;
        const char *from = (const char *)view_.data + view_.offset(row) * size;
        for (std::int64_t b = 0; b < view_.cols * size; b += 64) __builtin_prefetch(from + b);
    }

    // `count` rows from `first` on, so far apart; as many that follow are asked for meanwhile.
    void read(std::int64_t first, std::int64_t count, T *out, std::int64_t row) const {
        for (std::int64_t r = 0; r < count; ++r) {
            ask(first + count + r);
            read(first + r, out + r * row);
        }
    }

  private:
    template <class Wide>
    struct Standard {
        std::vector<Wide> shift, scale;

        void assign(const Features &features) {
            shift.assign(features.shift, features.shift + features.view.cols);
            scale.assign(features.scale, features.scale + features.view.cols);
        }
    };

    // Shifted in the wider of the two types: what two large numbers differ by must not be lost.
    template <class From>
    void convert(const From *in, T *out) const {
        using Wide = decltype(From() + T());
        const std::int64_t count = view_.cols, step = view_.col_stride;
        if (!shifted_) {
            if (step == 1 && std::is_same_v<From, T>)
                std::memcpy(out, in, (std::size_t)count * sizeof(T));
            else
                for (std::int64_t d = 0; d < count; ++d) out[d] = (T)in[d * step];
            return;
        }
        const Wide *shift, *scale;
        if constexpr (sizeof(Wide) == 4)
            shift = singles_.shift.data(), scale = singles_.scale.data();
        else
            shift = doubles_.shift.data(), scale = doubles_.scale.data();
        if (step == 1)
            for (std::int64_t d = 0; d < count; ++d) out[d] = (T)(((Wide)in[d] - shift[d]) * scale[d]);
        else
            for (std::int64_t d = 0; d < count; ++d) out[d] = (T)(((Wide)in[d * step] - shift[d]) * scale[d]);
    }

    View view_;
    bool shifted_;
    Standard<float> singles_;
    Standard<double> doubles_;
};

// Rows in stripes that are cut by the work alone.
struct Stripes {
    std::int64_t rows, each, count;
    int threads;

    Stripes(std::int64_t n, std::int64_t features)
        : rows(n), each(up_to_multiple((n + most_stripes - 1) / most_stripes, group_rows)) {
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
    const std::int64_t fitting = group_bytes / (std::int64_t)sizeof(T) / numbers / row_unit * row_unit;
    return std::max(row_unit, std::min(fitting, group_rows));
}

// Elements that lie end to end, without weights of rows or columns, are one long row: what their kernel is fast with.
bool may_be_one_row(const RowProblem &) { return false; }
bool may_be_one_row(const ElementProblem &p) {
    const auto end_to_end = [](const View &view) {
        return !view.given() || (view.stride[0] == view.cols && (view.col_stride == 1 || view.cols == 1));
    };
    return !p.class_weight && !p.positive_weight && !p.row_weight && end_to_end(p.targets) &&
           end_to_end(p.element_weight) && p.family != ElementFamily::multilabel_soft_margin;
}

View as_one_row(View view) {
    view.cols *= view.rows;
    view.rows = view.shape[0] = view.col_stride = 1;
    return view;
}
RowProblem as_one_row(const RowProblem &p) { return p; }
ElementProblem as_one_row(ElementProblem p) {
    for (View *view : {&p.predictions, &p.targets, &p.element_weight}) *view = as_one_row(*view);
    return p;
}

// Where the logits of a group lie: side by side those of a class if they may, as the kernel of rows likes them best; of
// elements that make one row those of a row, nothing between; else rows in whole lines.
template <class T>
struct Logits {
    std::int64_t group, row, column = 1, numbers;
    bool one_row;

    Logits(const Weights<T> &weight, std::int64_t classes, std::int64_t x_row, bool are_elements, bool make_one_row) {
        const bool few = weight.all_are_few();
        row = few ? classes : odd_lines<T>(weight.columns());
        group = rows_of_a_group<T>(x_row + row);
        numbers = group * row;
        one_row = make_one_row;
        if (few && !are_elements) row = 1, column = odd_lines<T>(group), numbers = column * classes;
    }
};

// Sums over rows, in double.
template <class T>
void add_columns(const T *z, std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns,
                 double *sums) {
    for (std::int64_t k = 0; row == 1 && k < columns; ++k) {
        Vec sum{};
        std::int64_t r = 0;
        for (; r + lanes <= rows; r += lanes) sum += load(z + k * column + r);
        sums[k] += sum_of_lanes(sum);
        for (; r < rows; ++r) sums[k] += (double)z[k * column + r];
    }
    for (std::int64_t r = 0; row != 1 && r < rows; ++r)
        for (std::int64_t k = 0; k < columns; ++k) sums[k] += (double)z[r * row + k];
}

template <class T, class Problem>
Weighed pass(const Problem &p, const LinearProblem &model) {
    const std::int64_t features = model.features.view.cols, classes = p.predictions.cols;
    const Weights<T> weight(model.coef, model.intercept, classes, features);
    const Sums<T> products(classes, features);
    const Reader<T> reader(model.features);
    const Stripes stripes(model.features.view.rows, features);

    const std::int64_t x_row = odd_lines<T>(products.row());
    const Logits<T> at(weight, classes, x_row, std::is_same_v<Problem, ElementProblem>, may_be_one_row(p));
    const std::int64_t group = at.group, step = weight.one_panel() ? row_unit : group;
    const std::int64_t numbers = group * x_row + at.numbers + products.numbers();
    const Scratch scratch(stripes.threads, 1, numbers * (std::int64_t)sizeof(T) / 8 + 8);
    const Scratch totals(stripes.threads, 1, classes);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(T));

    Sum<double> sum;
    Finding finding;
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &turn) {
        T *x = (T *)scratch.array(thread, 0), *sums = x + group * x_row, *z = sums + products.numbers();
        double *column_sums = totals.array(thread, 0);
        std::fill(column_sums, column_sums + classes, 0.0);
        Sum<double> part;
        Finding found;
        for (std::int64_t first = begin; first < end; first += group) {
            const std::int64_t count = std::min(group, end - first);
            for (std::int64_t r = 0; r < count; r += step) {
                const std::int64_t some = std::min(step, count - r);
                reader.read(first + r, some, x + r * x_row, x_row);
                weight.multiply(x + r * x_row, x_row, some, z + r * at.row, at.row, at.column);
            }
            const std::int64_t z_row = at.one_row ? classes : at.row;
            for (std::int64_t r = 1; z_row != at.row && r < count; ++r)
                std::memmove(z + r * z_row, z + r * at.row, (std::size_t)classes * sizeof(T));
            View logits = block_of(z, count, classes, z_row);
            logits.col_stride = at.column;
            Problem own = part_of(p, first, logits);
            if (at.one_row) own = as_one_row(own);
            Results out;
            out.order = Order::gradient;
            out.derivative = own.predictions;
            const Weighed loss = run(own, out);
            part.add(loss.total);
            if (loss.finding.fault != Fault::none && found.fault == Fault::none) {
                found = loss.finding;
                if (at.one_row) found.row = found.col / classes, found.col %= classes;
                found.row += first;
            }
            products.add(sums, z, z_row, at.column, x, x_row, count);
            add_columns(z, z_row, at.column, count, classes, column_sums);
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
    const Weights<T> weight(p.coef, p.intercept, classes, features);
    const Reader<T> reader(p.features);
    const Stripes stripes(p.features.view.rows, features);
    const std::int64_t x_row = odd_lines<T>(features), z_row = odd_lines<T>(weight.columns());
    const std::int64_t group = rows_of_a_group<T>(x_row + z_row), numbers = group * (x_row + z_row);
    const std::int64_t step = weight.one_panel() ? row_unit : group;
    const Scratch scratch(stripes.threads, 1, numbers * (std::int64_t)sizeof(T) / 8 + 8);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(T));
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &) {
        T *x = (T *)scratch.array(thread, 0), *z = x + group * x_row;
        for (std::int64_t first = begin; first < end; first += step) {
            const std::int64_t count = std::min(step, end - first);
            reader.read(first, count, x, x_row);
            weight.multiply(x, x_row, count, z, z_row, 1);
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
    const std::int64_t x_row = odd_lines<float>(products.row()), group = rows_of_a_group<float>(2 * x_row);
    const std::int64_t numbers = group * 2 * x_row + products.numbers();
    const Scratch scratch(stripes.threads, 1, numbers / 2 + 8);
    for (int t = 0; t < stripes.threads; ++t) std::memset(scratch.array(t, 0), 0, (std::size_t)numbers * sizeof(float));
    stripes.run([&](std::int64_t begin, std::int64_t end, int thread, const Turn &turn) {
        float *x = (float *)scratch.array(thread, 0), *weighted = x + group * x_row, *sums = weighted + group * x_row;
        for (std::int64_t first = begin; first < end; first += group) {
            const std::int64_t count = std::min(group, end - first);
            for (std::int64_t r = 0; r < count; ++r) {
                float *row = x + r * x_row, *by_weight = weighted + r * x_row;
                const std::int64_t later = std::min(first + r + row_unit, p.count - 1);
                reader.ask(p.rows ? p.rows[later] : later);
                reader.read(p.rows ? p.rows[first + r] : first + r, row);
                if (p.intercept) row[features] = 1.0f;
                const float weight = (float)p.weight[first + r];
                for (std::int64_t d = 0; d < size; ++d) by_weight[d] = weight * row[d];
            }
            products.add(sums, weighted, x_row, 1, x, x_row, count);
        }
        turn.wait();
        products.move(sums, p.gram);
    });
    for (std::int64_t i = 0; i < size; ++i)
        for (std::int64_t j = 0; j < i; ++j) p.gram[i * size + j] = p.gram[j * size + i];
}

}  // namespace crossentropy::CE_ISA
