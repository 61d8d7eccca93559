// What linear models ask of the core beside the loss of their logits.
#include <algorithm>

#include "features.hpp"
#include "instruction_sets.hpp"
#include "parallel.hpp"

using namespace crossentropy;

namespace {

void gram(const Coded<Input> &features, const std::optional<Vector> &shift, const std::optional<Vector> &scale,
          const std::optional<Numbers> &rows, const Vector &weight, bool intercept, const Doubles &out) {
    GramProblem p;
    p.features = features_of(features, shift, scale);
    p.count = rows ? (std::int64_t)rows->size() : p.features.view.rows;
    p.rows = rows ? rows->data() : nullptr;
    for (std::int64_t i = 0; rows && i < p.count; ++i)
        require(p.rows[i] >= 0 && p.rows[i] < p.features.view.rows, "rows: numbers of rows");
    p.weight = vector_of(weight, p.count, "weight: one for each row");
    p.intercept = intercept;
    const std::int64_t size = p.features.view.cols + intercept;
    require((std::int64_t)out.size() == size * size, "out: features by features");
    p.gram = out.data();
    nb::gil_scoped_release release;
    kernels().run_gram(p);
}

void logits(const Coded<Input> &features, const std::optional<Vector> &shift, const std::optional<Vector> &scale,
            const Vector &coef, const std::optional<Vector> &intercept, const Coded<Output> &out, bool single) {
    LogitsProblem p;
    p.features = features_of(features, shift, scale);
    p.logits = view_of(out);
    p.single = single;
    require(p.logits.given() && holds_floats(p.logits) && p.logits.rows == p.features.view.rows,
            "out: one row of floats for each of the features");
    require((std::int64_t)coef.size() == p.logits.cols * p.features.view.cols, "coef: classes by features");
    p.coef = coef.data();
    p.intercept = vector_of(intercept, p.logits.cols, "intercept: one for each class");
    nb::gil_scoped_release release;
    kernels().run_logits(p);
}

std::int64_t moments(const Coded<Input> &features, const Vector &weight, const Vector &origin, const Doubles &sum,
                     const Doubles &square) {
    MomentsProblem p;
    p.features = features_of(features, std::nullopt, std::nullopt);
    const std::int64_t size = p.features.view.cols;
    p.weight = vector_of(weight, p.features.view.rows, "weight: one for each row");
    p.origin = vector_of(origin, size, "origin: one for each feature");
    require((std::int64_t)sum.size() == size && (std::int64_t)square.size() == size, "sums: one for each feature");
    p.sum = sum.data();
    p.square = square.data();
    nb::gil_scoped_release release;
    return kernels().run_moments(p);
}

void make_sparse(Sparse *self, const Numbers &starts, const Coded<Input> &columns, const Coded<Input> &values,
                 std::int64_t width, const std::optional<Vector> &scale) {
    SparseFeatures f;
    f.columns = view_of(columns);
    f.values = view_of(values);
    // the stride of nothing is whatever NumPy likes
    const auto one_row = [](const View &v) { return v.given() && v.rows == 1 && (v.col_stride == 1 || v.cols == 0); };
    require(one_row(f.columns) && (f.columns.dtype == DType::i32 || f.columns.dtype == DType::i64),
            "columns: one row of int32 or int64");
    require(one_row(f.values) && (f.values.dtype == DType::f32 || f.values.dtype == DType::f64),
            "values: one row of float32 or float64");
    require(f.columns.cols == f.values.cols, "columns and values: as many");
    require(starts.size() > 0 && width >= 0, "starts: one more than rows");
    f.rows = (std::int64_t)starts.size() - 1;
    f.cols = width;
    f.starts = starts.data();
    require(f.starts[0] >= 0 && f.starts[f.rows] <= f.values.cols, "starts: within the values");
    for (std::int64_t r = 0; r < f.rows; ++r) {
        require(f.starts[r] <= f.starts[r + 1], "starts: rising");
        f.longest = std::max(f.longest, f.starts[r + 1] - f.starts[r]);
    }
    std::vector<std::int64_t> counts((std::size_t)width);
    for (std::int64_t j = f.starts[0]; j < f.starts[f.rows]; ++j) {
        const std::int64_t column = f.columns.dtype == DType::i32 ? ((const std::int32_t *)f.columns.data)[j]
                                                                  : ((const std::int64_t *)f.columns.data)[j];
        require(column >= 0 && column < width, "columns: within the width");
        ++counts[(std::size_t)column];
    }
    f.scale = vector_of(scale, width, "scale: one for each feature");
    // as many elements for each thread; results do not depend on it
    const std::int64_t elements = f.starts[f.rows] - f.starts[0];
    f.parts = thread_count();
    std::vector<std::int64_t> bounds{0};
    std::int64_t seen = 0;
    for (std::int64_t d = 0; d < width; ++d) {
        seen += counts[(std::size_t)d];
        while ((std::int64_t)bounds.size() < f.parts && seen * f.parts >= elements * (std::int64_t)bounds.size())
            bounds.push_back(d + 1);
    }
    while ((std::int64_t)bounds.size() <= f.parts) bounds.push_back(width);
    bounds.back() = width;
    new (self)
        Sparse{f, std::move(bounds), {}, {nb::find(starts), nb::find(columns->first), nb::find(values->first)}, {}};
    if (scale) self->arrays.push_back(nb::find(*scale));
    self->features.bounds = self->bounds.data();
}

double dual_ascent(Sparse &sparse, bool is_exclusive, const Numbers &order, const SingleVector &weight,
                   const Singles &duals, const Singles &coef, const Doubles &intercept, const Doubles &excess,
                   double intercept_size) {
    DualAscentProblem p;
    p.features = sparse.features;
    require(p.features.scale == nullptr, "features: without a scale");
    const std::int64_t rows = p.features.rows;
    p.is_exclusive = is_exclusive;
    p.classes = (std::int64_t)intercept.size();
    require((std::int64_t)order.size() == rows, "order: each row once");
    std::vector<bool> seen((std::size_t)rows);
    for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t row = order.data()[i];
        require(row >= 0 && row < rows && !seen[(std::size_t)row], "order: each row once");
        seen[(std::size_t)row] = true;
    }
    require((std::int64_t)weight.size() == (is_exclusive ? rows : rows * p.classes),
            "weight: one for each row or dual");
    require((std::int64_t)duals.size() == rows * p.classes, "duals: rows by classes");
    require((std::int64_t)coef.size() == p.features.cols * sparse_step(p.classes), "coef: features by a whole step");
    require(excess.size() == intercept.size(), "excess: one for each class");
    p.order = order.data(), p.weight = weight.data(), p.duals = duals.data(), p.coef = coef.data();
    p.intercept = intercept.data(), p.excess = excess.data(), p.intercept_size = intercept_size;
    nb::gil_scoped_release release;
    return kernels().run_dual_ascent(p);
}

}  // namespace

// noconvert: sums added to a copy would be lost.
void bind_linear(nb::module_ &m) {
    nb::class_<Sparse>(m, "Sparse", "Sparse rows of features.")
        .def("__init__", &make_sparse, nb::arg("starts"), nb::arg("columns"), nb::arg("values"), nb::arg("width"),
             nb::arg("scale").none());
    m.def("logits", &logits, nb::arg("features"), nb::arg("shift").none(), nb::arg("scale").none(), nb::arg("coef"),
          nb::arg("intercept").none(), nb::arg("out"), nb::arg("single"));
    m.def("moments", &moments, nb::arg("features"), nb::arg("weight"), nb::arg("origin"), nb::arg("sum").noconvert(),
          nb::arg("square").noconvert());
    m.def("sparse_step", &sparse_step, nb::arg("classes"));
    m.def("dual_ascent", &dual_ascent, nb::arg("features"), nb::arg("is_exclusive"), nb::arg("order"),
          nb::arg("weight"), nb::arg("duals").noconvert(), nb::arg("coef").noconvert(),
          nb::arg("intercept").noconvert(), nb::arg("excess").noconvert(), nb::arg("intercept_size"));
    m.def("gram", &gram, nb::arg("features"), nb::arg("shift").none(), nb::arg("scale").none(), nb::arg("rows").none(),
          nb::arg("weight"), nb::arg("intercept"), nb::arg("out").noconvert());
}
