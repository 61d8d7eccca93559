// What linear models ask of the core beside the loss of their logits.
#include "features.hpp"
#include "instruction_sets.hpp"

using namespace crossentropy;

namespace {

using Numbers = nb::ndarray<nb::ro, nb::device::cpu, const std::int64_t, nb::ndim<1>, nb::c_contig>;

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

}  // namespace

void bind_linear(nb::module_ &m) {
    m.def("logits", &logits, nb::arg("features"), nb::arg("shift").none(), nb::arg("scale").none(), nb::arg("coef"),
          nb::arg("intercept").none(), nb::arg("out"), nb::arg("single"));
    m.def("moments", &moments, nb::arg("features"), nb::arg("weight"), nb::arg("origin"), nb::arg("sum"),
          nb::arg("square"));
    m.def("gram", &gram, nb::arg("features"), nb::arg("shift").none(), nb::arg("scale").none(), nb::arg("rows").none(),
          nb::arg("weight"), nb::arg("intercept"), nb::arg("out"));
}
