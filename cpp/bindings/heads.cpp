// What heads ask of the core beside the losses.
#include "arrays.hpp"
#include "instruction_sets.hpp"

namespace nb = nanobind;
using namespace crossentropy;

namespace {

template <class T>
using OutputVector = nb::ndarray<nb::device::cpu, T, nb::ndim<1>, nb::c_contig>;

template <class T>
T *output_of(const std::optional<OutputVector<T>> &vector, std::int64_t size, const char *what) {
    if (!vector) return nullptr;
    require((std::int64_t)vector->size() == size, what);
    return vector->data();
}

StatisticsProblem statistics(const Coded<Input> &logits, double softcap, double temperature, const Coded<Input> &mask) {
    StatisticsProblem p;
    p.logits = view_of(logits);
    p.softcap = softcap;
    p.temperature = temperature;
    p.mask = view_of(mask);
    require(p.logits.given() && holds_floats(p.logits) && p.logits.cols > 0, "logits: rows of floats");
    if (p.mask.given()) {
        require(p.mask.dtype == DType::u8 && p.mask.cols == p.logits.cols, "mask: bytes, one for each class");
        require(p.mask.rows == 1 || p.mask.rows == p.logits.rows, "mask: one row or all");
    }
    return p;
}

void describe(const Coded<Input> &logits, double softcap, double temperature, const Coded<Input> &mask,
              const std::optional<OutputVector<double>> &lse, const std::optional<OutputVector<double>> &entropy,
              const std::optional<OutputVector<std::int64_t>> &predicted) {
    StatisticsProblem p = statistics(logits, softcap, temperature, mask);
    p.lse = output_of(lse, p.logits.rows, "lse: one for each row");
    p.entropy = output_of(entropy, p.logits.rows, "entropy: one for each row");
    p.predicted = output_of(predicted, p.logits.rows, "predicted: one for each row");
    nb::gil_scoped_release release;
    kernels().run_statistics(p);
}

void add_derivative(const Coded<Input> &logits, double softcap, double temperature, const Coded<Input> &mask,
                    const std::optional<Vector> &of_lse, const std::optional<Vector> &of_entropy,
                    const Coded<Input> &direction, const Coded<Output> &derivative) {
    StatisticsProblem p = statistics(logits, softcap, temperature, mask);
    p.order = direction ? Order::hvp : Order::gradient;
    p.of_lse = vector_of(of_lse, p.logits.rows, "of_lse: one for each row");
    p.of_entropy = vector_of(of_entropy, p.logits.rows, "of_entropy: one for each row");
    p.direction = view_of(direction);
    p.derivative = view_of(derivative);
    require(p.derivative.given() && holds_floats(p.derivative), "derivative: a float dtype");
    same_shape(p.derivative, p.logits, "derivative: shape of the logits");
    if (direction) {
        require(holds_floats(p.direction), "direction: a float dtype");
        same_shape(p.direction, p.logits, "direction: shape of the logits");
    }
    nb::gil_scoped_release release;
    kernels().run_statistics(p);
}

void mark_columns(const Coded<Input> &block, const Vector &scale, double eps, const OutputVector<std::uint8_t> &marks) {
    const View view = view_of(block);
    require(view.given() && holds_floats(view), "block: rows of floats");
    require((std::int64_t)scale.size() == view.rows && (std::int64_t)marks.size() == view.cols,
            "scale, marks: one for each row and column");
    nb::gil_scoped_release release;
    kernels().mark_columns(view, scale.data(), eps, marks.data());
}

using Halves = nb::ndarray<nb::device::cpu, std::uint16_t, nb::c_contig>;

void add_to_halves(const Coded<Input> &tile, bool first, const Halves &upper, const Halves &lower) {
    const View view = view_of(tile);
    require(view.given() && holds_floats(view), "tile: rows of floats");
    require((std::int64_t)upper.size() == view.rows * view.cols && upper.size() == lower.size(),
            "halves: the tile's size");
    nb::gil_scoped_release release;
    kernels().add_to_halves(view, first, upper.data(), lower.data());
}

void round_halves(const Halves &upper, const Halves &lower) {
    require(upper.size() == lower.size(), "halves: one size");
    nb::gil_scoped_release release;
    kernels().round_halves(upper.data(), lower.data(), (std::int64_t)upper.size());
}

}  // namespace

void bind_heads(nb::module_ &m) {
    m.def("describe", &describe, nb::arg("logits"), nb::arg("softcap"), nb::arg("temperature"), nb::arg("mask").none(),
          nb::arg("lse").none(), nb::arg("entropy").none(), nb::arg("predicted").none());
    m.def("add_derivative", &add_derivative, nb::arg("logits"), nb::arg("softcap"), nb::arg("temperature"),
          nb::arg("mask").none(), nb::arg("of_lse").none(), nb::arg("of_entropy").none(), nb::arg("direction").none(),
          nb::arg("derivative"));
    m.def("mark_columns", &mark_columns, nb::arg("block"), nb::arg("scale"), nb::arg("eps"), nb::arg("marks"));
    m.def("add_to_halves", &add_to_halves, nb::arg("tile"), nb::arg("first"), nb::arg("upper"), nb::arg("lower"));
    m.def("round_halves", &round_halves, nb::arg("upper"), nb::arg("lower"));
}
