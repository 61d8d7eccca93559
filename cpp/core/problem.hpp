// What a kernel is asked: views of the caller's arrays, the options, and the functions that every instruction set
// provides.
#pragma once

#include <cstdint>

namespace crossentropy {

// The order is shared with src/crossentropy/_native/__init__.py.
enum class DType : int { f16, bf16, f32, f64, u8, i8, u16, i16, u32, i32, u64, i64 };

constexpr int max_leading_dims = 32;

// An array seen as rows: all axes but the last, in C order, and the columns of the last. Strides count elements.
struct View {
    bool present = false;
    void *data = nullptr;
    DType dtype = DType::f64;
    std::int64_t rows = 0, cols = 0, col_stride = 1;
    int dims = 0;  // leading axes, collapsed where their strides allow
    std::int64_t shape[max_leading_dims] = {}, stride[max_leading_dims] = {};

    __attribute__((always_inline)) bool given() const { return present; }

    // always inlined: this header is shared by files compiled for different instruction sets
    __attribute__((always_inline)) std::int64_t offset(std::int64_t row) const {
        if (dims == 1) return row * stride[0];
        std::int64_t at = 0;
        for (int d = dims - 1; d >= 0; --d) {
            at += (row % shape[d]) * stride[d];
            row /= shape[d];
        }
        return at;
    }
};

// The first thing wrong with the input, in row order; code 0 is nothing.
enum class Fault : int {
    none,
    label_out_of_range,       // an index target outside [0, K)
    target_not_distribution,  // soft targets with a negative or NaN entry, or a wrong sum
    sparse_out_of_range,      // a listed class outside [0, K)
    sparse_repeated,          // a class listed twice in a row
    sparse_not_distribution,  // listed probabilities negative, NaN, above 1 together, or a tail with nowhere to go
    prediction_not_distribution,
    target_out_of_range,     // a binary target outside [0, 1]
    target_not_sign,         // a sign that is neither -1 nor +1
    prediction_out_of_range  // a probability outside [0, 1]
};

struct Finding {
    Fault fault = Fault::none;
    std::int64_t row = 0, col = 0;
    double value = 0.0;
};

struct Weighed {
    double total = 0.0;  // sum of row weights
    Finding finding;
};

enum class TargetKind : int { index, soft, sparse };
enum class RowFamily : int { softmax_cross_entropy, softmax_kl_divergence, categorical, log_likelihood };

struct RowProblem {
    RowFamily family = RowFamily::softmax_cross_entropy;
    View predictions;
    TargetKind kind = TargetKind::index;
    View targets;              // labels (one column), soft targets (K columns), or the sparse targets' classes
    View probabilities;        // of the sparse targets
    double sum_tolerance = 0;  // of the targets
    double prediction_tolerance = 0;
    bool uniform_tail = false;
    bool has_ignore = false;
    std::int64_t ignore = 0;
    const double *class_weight = nullptr;                                             // (K,)
    const double *sample_weight = nullptr;                                            // (rows,)
    View mask;                                                                        // u8, rows or one row
    double smoothing = 0, temperature = 1, softcap = 0, z_loss = 0, focal_gamma = 0;  // softcap 0: none
};

enum class ElementFamily : int {
    sigmoid_cross_entropy,
    binary_cross_entropy,
    soft_margin,
    multilabel_soft_margin,
    squared_error
};

struct ElementProblem {
    ElementFamily family = ElementFamily::sigmoid_cross_entropy;
    View predictions, targets;
    const double *class_weight = nullptr;     // (cols,)
    const double *positive_weight = nullptr;  // (cols,)
    const double *row_weight = nullptr;       // (rows,)
    View element_weight;                      // floats, the predictions' shape
    double smoothing = 0, focal_gamma = 0;
};

enum class Order : int { value, gradient, hvp, hessian_diagonal };

// Where results go; absent views are not written.
struct Results {
    Order order = Order::value;
    View losses;      // one column for the families of rows and multilabel_soft_margin, else the predictions' shape
    View derivative;  // gradient, Hessian–vector product or diagonal, divided by `divisor`
    View direction;   // v of the Hessian–vector product
    double divisor = 1.0;
};

enum class Activation : int { softmax, log_softmax, logsumexp, sigmoid, log_sigmoid, softplus, sigmoid_derivative };

// An activation (cotangent not given) or its vector–Jacobian product.
struct ActivationProblem {
    Activation kind = Activation::softmax;
    View input, cotangent, output;
};

// Log-sum-exp, entropy and likeliest class of each row of logits (null: not wanted); or, added to `derivative`, the
// gradient or Hessian–vector product of Σ of_lse·lse + of_entropy·entropy.
struct StatisticsProblem {
    View logits;
    double softcap = 0, temperature = 1;
    View mask;
    double *lse = nullptr, *entropy = nullptr;
    std::int64_t *predicted = nullptr;
    Order order = Order::value;
    const double *of_lse = nullptr, *of_entropy = nullptr;
    View direction, derivative;
};

// Rows of features (N, D), taken as (x - shift)·scale.
struct Features {
    View view;
    const double *shift = nullptr, *scale = nullptr;  // (D,) each, or null
};

// Where a linear model's pass is, and what it adds to: (K, D) and (K,) each.
struct LinearParameters {
    const double *coef = nullptr, *intercept = nullptr;
    double *coef_gradient = nullptr, *intercept_gradient = nullptr;
    bool single = false;  // products in float32, else in float64
};

// Logits as a linear model's: features · coefᵀ + intercept, for a loss whose predictions have that shape and no memory.
struct LinearProblem : LinearParameters {
    Features features;
};

// Sparse rows of features (N, D): row r has `values` at `columns`, from starts[r] to starts[r + 1], which are taken
// times `scale` of their column. Thread t adds to the gradient of the columns from bounds[t] to bounds[t + 1].
struct SparseFeatures {
    std::int64_t rows = 0, cols = 0, longest = 0;
    const std::int64_t *starts = nullptr;  // (N + 1,)
    View columns, values;                  // one row each: i32 or i64, f32 or f64
    const double *scale = nullptr;         // (D,), or null
    const std::int64_t *bounds = nullptr;
    std::int64_t parts = 1;
};

// Numbers of a column in the room for coefficients and sums: its classes, and what aligns them.
constexpr std::int64_t sparse_step(std::int64_t classes) { return classes > 8 ? (classes + 7) / 8 * 8 : 8; }

// The same of sparse features.
struct SparseProblem : LinearParameters {
    SparseFeatures features;
    double *room = nullptr;  // for D·sparse_step(K) coefficients and as many sums, of float32 or float64
};

// One epoch of dual coordinate ascent for Σ weight·loss + ½‖W‖² of sparse features, not scaled: for each row, in
// `order`, the duals, which are probabilities, and W = Σ weight·(targets - duals)·x, which stays so. The intercepts
// follow as the coefficients of a feature whose square is `intercept_size`.
struct DualAscentProblem {
    SparseFeatures features;
    bool is_exclusive = true;  // a softmax; else each class has a sigmoid of its own
    std::int64_t classes = 0;
    const std::int64_t *order = nullptr;
    const float *weight = nullptr;  // (N,), or (N, K) of what does not exclude each other
    float *duals = nullptr;         // (N, K)
    float *coef = nullptr;          // (D, sparse_step(K)), with zeros beyond K
    double *intercept = nullptr;    // (K,)
    double *excess = nullptr;       // (K,): Σ weight·(targets - duals)
    double intercept_size = 0;
};

// The logits (N, K) of all rows.
struct LogitsProblem {
    Features features;
    const double *coef = nullptr, *intercept = nullptr;  // (K, D), and (K,) or null
    View logits;                                         // float32 or float64
    bool single = false;
};

// Σ weight·(x - origin) and Σ weight·(x - origin)² of each feature, and the first element that is not finite, if any.
struct MomentsProblem {
    Features features;
    const double *weight = nullptr, *origin = nullptr;  // (N,), (D,)
    double *sum = nullptr, *square = nullptr;           // (D,) each
};

// Σ weight·x·xᵀ over some rows, in products of float32, with a last feature of ones where there is an intercept.
struct GramProblem {
    Features features;
    const std::int64_t *rows = nullptr;  // which, or null: all
    const double *weight = nullptr;      // one for each of these
    std::int64_t count = 0;
    bool intercept = false;
    double *gram = nullptr;  // (D, D), or with one more
};

struct Kernels {
    const char *name;
    int lanes;  // float64 lanes of one vector
    Weighed (*weigh_rows)(const RowProblem &);
    double (*run_rows)(const RowProblem &, const Results &);
    Weighed (*weigh_elements)(const ElementProblem &);
    Weighed (*run_elements)(const ElementProblem &, const Results &);  // the losses' sum; checks what was not weighed
    Weighed (*run_linear_rows)(const RowProblem &, const LinearProblem &);
    Weighed (*run_linear_elements)(const ElementProblem &, const LinearProblem &);
    Weighed (*run_sparse_rows)(const RowProblem &, const SparseProblem &);
    Weighed (*run_sparse_elements)(const ElementProblem &, const SparseProblem &);
    double (*run_dual_ascent)(const DualAscentProblem &);  // about how far from the optimum the duals were, one by one
    void (*run_logits)(const LogitsProblem &);
    std::int64_t (*run_moments)(const MomentsProblem &);  // the place of that element in C order, or -1
    void (*run_gram)(const GramProblem &);
    void (*activate)(const ActivationProblem &);
    void (*run_statistics)(const StatisticsProblem &);
    // 1 for each column with an element of magnitude above eps·scale[row], or NaN
    void (*mark_columns)(const View &, const double *scale, double eps, std::uint8_t *marks);
    // a bfloat16 in two halves of a float32 sum: plus a tile of terms, or the tile alone; and the sum rounded to its
    // upper half
    void (*add_to_halves)(const View &tile, bool first, std::uint16_t *upper, std::uint16_t *lower);
    void (*round_halves)(std::uint16_t *upper, const std::uint16_t *lower, std::int64_t count);
    // for tests of the mathematics alone
    void (*exp_nonpositive)(const double *, double *, std::int64_t);
    void (*exp_single)(const double *, double *, std::int64_t);
    void (*log1p_unit)(const double *, double *, std::int64_t);
    void (*log1p_nonnegative)(const double *, double *, std::int64_t);
    void (*tanh)(const double *, double *, std::int64_t);
    void (*exp_negative32)(const float *, float *, std::int64_t);
    void (*exp_boosted32)(const float *, float *, std::int64_t);
    void (*log1p_unit32)(const float *, float *, std::int64_t);
    void (*log1p_nonnegative32)(const float *, float *, std::int64_t);
    // x, n: x·2^n
    void (*scaled32)(const float *, const float *, float *, std::int64_t);
    // z, the largest of its row: Exp32 at a temperature, and its origin
    void (*exp32)(double, const float *, const float *, float *, float *, std::int64_t);
    // z: Exp32's e^(origin·log 2 - z/T) - 1
    void (*inverse32)(double, const float *, float *, std::int64_t);
};

}  // namespace crossentropy
