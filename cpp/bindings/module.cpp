// The Python face of the core: array constraints, the global interpreter lock released, one call of the core. No
// policy: the package has validated what it passes; here only what memory safety needs is checked again.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "arrays.hpp"
#include "features.hpp"
#include "instruction_sets.hpp"
#include "outcome.hpp"
#include "parallel.hpp"

namespace nb = nanobind;
using namespace crossentropy;

namespace {

// A problem and the arrays it points into.
template <class Problem>
struct Held {
    Problem problem;
    std::vector<nb::object> arrays;
    bool loss_per_row = true;
    bool faultless = false;  // as weigh() has found; until then an index of rows may lie outside the classes
};

using Rows = Held<RowProblem>;
using Elements = Held<ElementProblem>;

// (total, fault, row, column, value), the total that of row weights or of losses.
nb::tuple as_tuple(const Weighed &w) {
    return nb::make_tuple(w.total, (int)w.finding.fault, w.finding.row, w.finding.col, w.finding.value);
}

// Elements without weights are left for `run` to check.
template <class Problem, Weighed (*Kernels::*weigh)(const Problem &)>
nb::tuple weigh_problem(Held<Problem> &held) {
    Weighed w;
    {
        nb::gil_scoped_release release;
        w = (kernels().*weigh)(held.problem);
    }
    held.faultless = w.finding.fault == Fault::none;
    return as_tuple(w);
}

// The sum of the losses; results are written where an array is given.
template <class Problem, class Outcome, Outcome (*Kernels::*run)(const Problem &, const Results &)>
nb::tuple run_problem(const Held<Problem> &held, int order, double divisor, const Coded<Output> &losses,
                      const Coded<Output> &derivative, const Coded<Input> &direction) {
    require(order >= 0 && order <= (int)Order::hessian_diagonal, "unknown order");
    require(std::is_same_v<Problem, ElementProblem> || held.faultless, "weigh first, and find no fault");
    const View &shape = held.problem.predictions;
    const Results results{(Order)order, view_of(losses, !held.loss_per_row), view_of(derivative), view_of(direction),
                          divisor};
    require(holds_floats(results.losses) && holds_floats(results.derivative) && holds_floats(results.direction),
            "results and direction: float dtypes");
    if (losses)
        require(results.losses.rows == shape.rows && results.losses.cols == (held.loss_per_row ? 1 : shape.cols),
                "losses: one for each row or element");
    require(results.order == Order::value || derivative.has_value(), "derivative: needed");
    if (derivative) same_shape(results.derivative, shape, "derivative: shape of the predictions");
    require(results.order != Order::hvp || direction.has_value(), "direction: needed");
    if (direction) same_shape(results.direction, shape, "direction: shape of the predictions");
    Weighed w;
    {
        nb::gil_scoped_release release;
        w = outcome((kernels().*run)(held.problem, results));
    }
    return as_tuple(w);
}

// Whether each array's rows are one step apart, so that a stretch of rows is a view too.
bool has_one_stride(const RowProblem &p) {
    return p.targets.dims <= 1 && p.probabilities.dims <= 1 && p.mask.dims <= 1;
}
bool has_one_stride(const ElementProblem &p) { return p.targets.dims <= 1 && p.element_weight.dims <= 1; }

// Parameters of a linear model's pass, of one number of features for the problem's rows.
template <class Problem>
LinearParameters parameters_of(const Held<Problem> &held, std::int64_t rows, std::int64_t cols, const Vector &coef,
                               const Vector &intercept, const Doubles &coef_gradient, const Doubles &intercept_gradient,
                               bool single) {
    require(std::is_same_v<Problem, ElementProblem> || held.faultless, "weigh first, and find no fault");
    require(rows == held.problem.predictions.rows, "features: one row for each of the problem");
    require(has_one_stride(held.problem), "targets, weights, mask: rows of one stride");
    const std::size_t classes = (std::size_t)held.problem.predictions.cols, numbers = classes * (std::size_t)cols;
    require(coef.size() == numbers && coef_gradient.size() == numbers, "coef and its gradient: classes by features");
    require(intercept.size() == classes && intercept_gradient.size() == classes,
            "intercept and its gradient: one for each class");
    return {coef.data(), intercept.data(), coef_gradient.data(), intercept_gradient.data(), single};
}

// The sum of the losses of a linear model's logits; its gradient is added to the last two arrays.
template <class Problem, Weighed (*Kernels::*run)(const Problem &, const LinearProblem &)>
nb::tuple run_linear(const Held<Problem> &held, const Coded<Input> &features, const std::optional<Vector> &shift,
                     const std::optional<Vector> &scale, const Vector &coef, const Vector &intercept,
                     const Doubles &coef_gradient, const Doubles &intercept_gradient, bool single) {
    const Features f = features_of(features, shift, scale);
    const LinearProblem p{
        parameters_of(held, f.view.rows, f.view.cols, coef, intercept, coef_gradient, intercept_gradient, single), f};
    Weighed w;
    {
        nb::gil_scoped_release release;
        w = (kernels().*run)(held.problem, p);
    }
    return as_tuple(w);
}

// The same of sparse features.
template <class Problem, Weighed (*Kernels::*run)(const Problem &, const SparseProblem &)>
nb::tuple run_sparse(const Held<Problem> &held, Sparse &sparse, const Vector &coef, const Vector &intercept,
                     const Doubles &coef_gradient, const Doubles &intercept_gradient, bool single) {
    const SparseFeatures &f = sparse.features;
    SparseProblem p{parameters_of(held, f.rows, f.cols, coef, intercept, coef_gradient, intercept_gradient, single), f};
    const std::size_t room = (std::size_t)(2 * f.cols * sparse_step(held.problem.predictions.cols));
    Weighed w;
    {
        nb::gil_scoped_release release;
        const std::lock_guard<std::mutex> alone(sparse.busy);
        sparse.room.resize(single ? (room + 1) / 2 : room);
        p.room = sparse.room.data();
        w = (kernels().*run)(held.problem, p);
    }
    return as_tuple(w);
}

// The passes of a linear model. noconvert: gradients added to a copy would be lost.
template <class Problem, Weighed (*Kernels::*dense)(const Problem &, const LinearProblem &),
          Weighed (*Kernels::*sparse)(const Problem &, const SparseProblem &)>
void def_linear(nb::class_<Held<Problem>> &problem) {
    problem
        .def("run_linear", &run_linear<Problem, dense>, nb::arg("features"), nb::arg("shift").none(),
             nb::arg("scale").none(), nb::arg("coef"), nb::arg("intercept"), nb::arg("coef_gradient").noconvert(),
             nb::arg("intercept_gradient").noconvert(), nb::arg("single"))
        .def("run_sparse", &run_sparse<Problem, sparse>, nb::arg("features"), nb::arg("coef"), nb::arg("intercept"),
             nb::arg("coef_gradient").noconvert(), nb::arg("intercept_gradient").noconvert(), nb::arg("single"));
}

template <class... Arrays>
std::vector<nb::object> owners(const Arrays &...arrays) {
    std::vector<nb::object> found;
    auto keep = [&](const auto &array) {
        if constexpr (std::is_same_v<std::decay_t<decltype(array)>, std::optional<Vector>>) {
            if (array) found.push_back(nb::find(*array));
        } else {
            if (array) found.push_back(nb::find(array->first));
        }
    };
    (keep(arrays), ...);
    return found;
}

void make_rows(Rows *self, int family, const Coded<Input> &predictions, double prediction_tolerance, int kind,
               const Coded<Input> &targets, const Coded<Input> &probabilities, double sum_tolerance, bool uniform_tail,
               std::optional<std::int64_t> ignore, const std::optional<Vector> &class_weight,
               const std::optional<Vector> &sample_weight, const Coded<Input> &mask, double smoothing,
               double temperature, double softcap, double z_loss, double focal_gamma) {
    require(family >= 0 && family < 4 && kind >= 0 && kind < 3, "unknown family or kind");
    RowProblem p;
    p.family = (RowFamily)family;
    p.kind = (TargetKind)kind;
    p.predictions = view_of(predictions);
    p.targets = view_of(targets, p.kind != TargetKind::index);
    p.probabilities = view_of(probabilities);
    p.mask = view_of(mask);
    require(p.predictions.given() && holds_floats(p.predictions), "predictions: a float dtype");
    require(p.targets.given() && p.targets.rows == p.predictions.rows, "targets: one for each row");
    require(holds_floats(p.targets) == (p.kind == TargetKind::soft), "targets: dtype of their kind");
    if (p.kind == TargetKind::soft) same_shape(p.targets, p.predictions, "targets: shape of the predictions");
    if (p.kind == TargetKind::sparse) {
        require(p.probabilities.given() && holds_floats(p.probabilities), "probabilities: a float dtype");
        same_shape(p.probabilities, p.targets, "probabilities: shape of the indices");
        require(p.targets.cols <= p.predictions.cols, "indices: at most K");
    }
    if (p.mask.given()) {
        require(p.mask.dtype == DType::u8 && p.mask.cols == p.predictions.cols, "mask: bytes, one for each class");
        require(p.mask.rows == 1 || p.mask.rows == p.predictions.rows, "mask: one row or all");
    }
    p.class_weight = vector_of(class_weight, p.predictions.cols, "class_weight: one for each class");
    p.sample_weight = vector_of(sample_weight, p.predictions.rows, "sample_weight: one for each row");
    p.prediction_tolerance = prediction_tolerance;
    p.sum_tolerance = sum_tolerance;
    p.uniform_tail = uniform_tail;
    p.has_ignore = ignore.has_value();
    p.ignore = ignore.value_or(0);
    p.smoothing = smoothing;
    p.temperature = temperature;
    p.softcap = softcap;
    p.z_loss = z_loss;
    p.focal_gamma = focal_gamma;
    new (self) Rows{p, owners(predictions, targets, probabilities, mask, class_weight, sample_weight), true};
}

void make_elements(Elements *self, int family, const Coded<Input> &predictions, const Coded<Input> &targets,
                   const std::optional<Vector> &class_weight, const std::optional<Vector> &positive_weight,
                   const std::optional<Vector> &row_weight, const Coded<Input> &element_weight, double smoothing,
                   double focal_gamma) {
    require(family >= 0 && family < 5, "unknown family");
    ElementProblem p;
    p.family = (ElementFamily)family;
    p.predictions = view_of(predictions);
    p.targets = view_of(targets);
    p.element_weight = view_of(element_weight);
    require(p.predictions.given() && holds_floats(p.predictions), "predictions: a float dtype");
    require(p.targets.given(), "targets: needed");
    same_shape(p.targets, p.predictions, "targets: shape of the predictions");
    require(holds_floats(p.element_weight), "sample_weight: a float dtype");
    if (p.element_weight.given())
        same_shape(p.element_weight, p.predictions, "sample_weight: shape of the predictions");
    p.class_weight = vector_of(class_weight, p.predictions.cols, "class_weight: one for each column");
    p.positive_weight = vector_of(positive_weight, p.predictions.cols, "pos_weight: one for each column");
    p.row_weight = vector_of(row_weight, p.predictions.rows, "sample_weight: one for each row");
    p.smoothing = smoothing;
    p.focal_gamma = focal_gamma;
    new (self) Elements{p, owners(predictions, targets, class_weight, positive_weight, row_weight, element_weight),
                        p.family == ElementFamily::multilabel_soft_margin};
}

void activate(int kind, const Coded<Input> &input, const Coded<Input> &cotangent, const Coded<Output> &output) {
    require(kind >= 0 && kind <= (int)Activation::sigmoid_derivative, "unknown activation");
    const ActivationProblem p{(Activation)kind, view_of(input), view_of(cotangent), view_of(output)};
    const bool reduces = p.kind == Activation::logsumexp;
    require(p.input.given() && holds_floats(p.input), "input: a float dtype");
    require(p.output.given() && holds_floats(p.output) && p.output.rows == p.input.rows, "output: rows of floats");
    require(p.output.cols == (reduces && !cotangent ? 1 : p.input.cols), "output: columns");
    if (cotangent)
        require(holds_floats(p.cotangent) && p.cotangent.rows == p.input.rows &&
                    p.cotangent.cols == (reduces ? 1 : p.input.cols),
                "cotangent: shape of the value");
    nb::gil_scoped_release release;
    kernels().activate(p);
}

}  // namespace

void bind_heads(nb::module_ &m);   // heads.cpp
void bind_linear(nb::module_ &m);  // linear.cpp
void bind_memory(nb::module_ &m);  // memory.cpp
void bind_plain(nb::module_ &m);   // plain.cpp

NB_MODULE(_core, m) {
    nb::set_leak_warnings(false);  // objects of modules live until the interpreter ends
    m.doc() = "The compiled core of crossentropy. Use the functions of the package, not these.";
    m.def("version", [] { return std::string(CE_VERSION); });
#if defined(__clang__)
    m.def("compiler", [] { return std::string("Clang ") + __clang_version__; });
#else
    m.def("compiler", [] { return std::string("GCC ") + __VERSION__; });
#endif
    m.def("available_instruction_sets", &available);
    m.def("instruction_set", [] { return std::string(kernels().name); });
    m.def("use_instruction_set", &use_instruction_set, nb::arg("name"));
    m.def("threads", &thread_count);
    m.def("set_threads", &set_thread_count, nb::arg("count"));
    bind_heads(m);
    bind_linear(m);
    bind_memory(m);
    bind_plain(m);

    nb::class_<Rows> rows(m, "Rows", "Losses of rows of classes.");
    def_linear<RowProblem, &Kernels::run_linear_rows, &Kernels::run_sparse_rows>(rows);
    rows.def("__init__", &make_rows, nb::arg("family"), nb::arg("predictions"), nb::arg("prediction_tolerance"),
             nb::arg("kind"), nb::arg("targets"), nb::arg("probabilities").none(), nb::arg("sum_tolerance"),
             nb::arg("uniform_tail"), nb::arg("ignore").none(), nb::arg("class_weight").none(),
             nb::arg("sample_weight").none(), nb::arg("mask").none(), nb::arg("smoothing"), nb::arg("temperature"),
             nb::arg("softcap"), nb::arg("z_loss"), nb::arg("focal_gamma"))
        .def("weigh", &weigh_problem<RowProblem, &Kernels::weigh_rows>)
        .def("run", &run_problem<RowProblem, double, &Kernels::run_rows>, nb::arg("order"), nb::arg("divisor"),
             nb::arg("losses").none(), nb::arg("derivative").none(), nb::arg("direction").none());

    nb::class_<Elements> elements(m, "Elements", "Losses of single elements.");
    def_linear<ElementProblem, &Kernels::run_linear_elements, &Kernels::run_sparse_elements>(elements);
    elements
        .def("__init__", &make_elements, nb::arg("family"), nb::arg("predictions"), nb::arg("targets"),
             nb::arg("class_weight").none(), nb::arg("positive_weight").none(), nb::arg("row_weight").none(),
             nb::arg("element_weight").none(), nb::arg("smoothing"), nb::arg("focal_gamma"))
        .def("weigh", &weigh_problem<ElementProblem, &Kernels::weigh_elements>)
        .def("run", &run_problem<ElementProblem, Weighed, &Kernels::run_elements>, nb::arg("order"), nb::arg("divisor"),
             nb::arg("losses").none(), nb::arg("derivative").none(), nb::arg("direction").none());

    m.def("activate", &::activate, nb::arg("kind"), nb::arg("input"), nb::arg("cotangent").none(), nb::arg("output"));
}
