// Plain calls of a loss: two NumPy arrays as they lie, no option but the reduction, its normalizer and the label of
// rows to drop. One step from the arguments to the value, for on a few rows every other costs more than the arithmetic.
// Whatever is unusual, or wrong, gives None, and the package then takes its long way, which knows the words.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>

#include <array>
#include <cstring>

#include "instruction_sets.hpp"
#include "outcome.hpp"

namespace nb = nanobind;
using namespace crossentropy;

namespace {

// A C-contiguous np.ndarray of a dtype that the core knows, or nothing.
class Array {
  public:
    Array(nb::handle object, nb::handle ndarray, bool writable = false) {
        if ((PyObject *)Py_TYPE(object.ptr()) != ndarray.ptr()) return;
        if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_RECORDS_RO | (writable ? PyBUF_WRITABLE : 0)) != 0) {
            PyErr_Clear();
            return;
        }
        held_ = true;
        given_ = buffer_.len > 0 && PyBuffer_IsContiguous(&buffer_, 'C') && read_dtype();
    }
    ~Array() {
        if (held_) PyBuffer_Release(&buffer_);
    }
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;

    bool given() const { return given_; }
    DType dtype() const { return dtype_; }
    bool holds_floats() const { return dtype_ <= DType::f64; }
    int ndim() const { return buffer_.ndim; }
    std::int64_t size() const { return buffer_.len / buffer_.itemsize; }
    std::int64_t last() const { return buffer_.shape[buffer_.ndim - 1]; }

    bool begins_like(const Array &other, int dims) const {
        return std::memcmp(buffer_.shape, other.buffer_.shape, sizeof(Py_ssize_t) * (std::size_t)dims) == 0;
    }
    bool same_shape(const Array &other) const { return ndim() == other.ndim() && begins_like(other, ndim()); }

    bool is(const Array &other) const { return buffer_.buf == other.buffer_.buf; }
    bool overlaps(const Array &other) const {
        const char *a = (const char *)buffer_.buf, *b = (const char *)other.buffer_.buf;
        return a < b + other.buffer_.len && b < a + buffer_.len;
    }

    View view(std::int64_t cols) const {
        View view;
        view.present = true;
        view.data = buffer_.buf;
        view.dtype = dtype_;
        view.rows = size() / cols;
        view.cols = cols;
        view.dims = 1;
        view.shape[0] = view.rows;
        view.stride[0] = cols;
        return view;
    }

  private:
    // One letter is native byte order and alignment; anything else is longer.
    bool read_dtype() {
        const char *format = buffer_.format;
        if (!format || format[0] == 0 || format[1] != 0) return false;
        const char *const floats = "efd", *const integers = "?bhilqBHILQ";
        if (const char *at = std::strchr(floats, format[0])) {
            constexpr DType dtypes[] = {DType::f16, DType::f32, DType::f64};
            dtype_ = dtypes[at - floats];
            return true;
        }
        if (!std::strchr(integers, format[0])) return false;
        const bool is_signed = format[0] >= 'a';
        switch (buffer_.itemsize) {
            case 1:
                dtype_ = is_signed ? DType::i8 : DType::u8;
                return true;
            case 2:
                dtype_ = is_signed ? DType::i16 : DType::u16;
                return true;
            case 4:
                dtype_ = is_signed ? DType::i32 : DType::u32;
                return true;
            default:
                dtype_ = is_signed ? DType::i64 : DType::u64;
                return true;
        }
    }

    Py_buffer buffer_;
    DType dtype_ = DType::f64;
    bool held_ = false, given_ = false;
};

// The options of a plain call, or nothing.
struct Options {
    bool given = false, mean = true, has_ignore = false;
    std::int64_t ignore = 0;
    double normalizer = 0;  // 0: none

    Options(nb::handle reduction, nb::handle label, nb::handle divisor) {
        if (!PyUnicode_CheckExact(reduction.ptr())) return;
        mean = PyUnicode_CompareWithASCIIString(reduction.ptr(), "mean") == 0;
        if (!mean && PyUnicode_CompareWithASCIIString(reduction.ptr(), "sum") != 0) return;
        if (!label.is_none()) {
            if (!PyLong_CheckExact(label.ptr())) return;
            int beyond = 0;
            ignore = PyLong_AsLongLongAndOverflow(label.ptr(), &beyond);
            if (beyond != 0) return;
            has_ignore = true;
        }
        if (!divisor.is_none()) {
            if (!mean || !PyFloat_CheckExact(divisor.ptr())) return;
            normalizer = PyFloat_AS_DOUBLE(divisor.ptr());
            if (!(normalizer > 0 && normalizer < __builtin_inf())) return;
        }
        given = true;
    }
};

class Plain {
  public:
    // `tolerances`: of the sums of distributions, for each float dtype
    Plain(bool rows, int family, std::array<double, 4> tolerances)
        : rows_(rows), family_(family), tolerances_(tolerances) {
        if (family < 0 || family >= (rows ? 4 : 5)) throw std::invalid_argument("unknown family");
        const nb::module_ numpy = nb::module_::import_("numpy");
        ndarray_ = numpy.attr("ndarray");
        single_ = numpy.attr("float32");
        double_ = numpy.attr("float64");
    }

    // The mean or sum; with `out`, the gradient too.
    nb::object call(nb::handle predictions, nb::handle targets, nb::handle reduction, nb::handle out,
                    nb::handle ignore_index, nb::handle normalizer) const {
        const Options options(reduction, ignore_index, normalizer);
        if (!options.given) return nb::none();
        const Array x(predictions, ndarray_), t(targets, ndarray_);
        if (!x.given() || !x.holds_floats() || x.ndim() == 0 || !t.given()) return nb::none();
        Results results;
        if (out.is_none()) return evaluate(x, t, options, results);
        const Array gradient(out, ndarray_, true);
        if (!gradient.given() || gradient.dtype() != x.dtype() || !gradient.same_shape(x)) return nb::none();
        if (gradient.overlaps(t) || (!gradient.is(x) && gradient.overlaps(x))) return nb::none();
        results.order = Order::gradient;
        results.derivative = gradient.view(columns(x));
        return evaluate(x, t, options, results);
    }

  private:
    // Elements that lie end to end are one long row.
    std::int64_t columns(const Array &x) const {
        return rows_ || family_ == (int)ElementFamily::multilabel_soft_margin ? x.last() : x.size();
    }

    nb::object evaluate(const Array &x, const Array &t, const Options &options, Results &results) const {
        if (!rows_) {
            if (options.has_ignore || !t.same_shape(x)) return nb::none();
            ElementProblem p;
            p.family = (ElementFamily)family_;
            p.predictions = x.view(columns(x));
            p.targets = t.view(columns(x));
            return reduce(p, &Kernels::weigh_elements, &Kernels::run_elements, x.dtype(), options, results);
        }
        RowProblem p;
        p.family = (RowFamily)family_;
        p.predictions = x.view(x.last());
        p.prediction_tolerance = tolerances_[(std::size_t)x.dtype()];
        if (t.holds_floats()) {
            if (options.has_ignore || !t.same_shape(x)) return nb::none();
            p.kind = TargetKind::soft;
            p.targets = t.view(x.last());
            p.sum_tolerance = tolerances_[(std::size_t)t.dtype()];
        } else {
            if (t.ndim() != x.ndim() - 1 || !t.begins_like(x, t.ndim())) return nb::none();
            p.targets = t.view(1);
            p.has_ignore = options.has_ignore;
            p.ignore = options.ignore;
        }
        return reduce(p, &Kernels::weigh_rows, &Kernels::run_rows, x.dtype(), options, results);
    }

    // As _evaluate.py: weigh, run, divide, round once.
    template <class Problem, class Outcome>
    nb::object reduce(const Problem &p, Weighed (*Kernels::*weigh)(const Problem &),
                      Outcome (*Kernels::*run)(const Problem &, const Results &), DType dtype, const Options &options,
                      Results &results) const {
        bool usual;
        double value = 0;
        {
            const nb::gil_scoped_release release;
            const Weighed weighed = (kernels().*weigh)(p);
            const double divisor = options.normalizer > 0 ? options.normalizer : options.mean ? weighed.total : 1.0;
            usual = weighed.finding.fault == Fault::none && divisor != 0;
            if (usual) {
                results.divisor = divisor;
                const Weighed found = outcome((kernels().*run)(p, results));
                usual = found.finding.fault == Fault::none;
                value = found.total / results.divisor;
            }
        }
        if (!usual) return nb::none();
        return dtype == DType::f64 ? double_(value) : single_((double)(float)value);
    }

    bool rows_;
    int family_;
    std::array<double, 4> tolerances_;
    nb::object ndarray_, single_, double_;
};

}  // namespace

void bind_plain(nb::module_ &m) {
    nb::class_<Plain>(m, "Plain", "Plain calls of a loss, in one step.")
        .def(nb::init<bool, int, std::array<double, 4>>(), nb::arg("rows"), nb::arg("family"), nb::arg("tolerances"))
        .def("__call__", &Plain::call, nb::arg("predictions").none(), nb::arg("targets").none(),
             nb::arg("reduction").none(), nb::arg("out").none(), nb::arg("ignore_index").none(),
             nb::arg("normalizer").none());
}
