"""Why an aim is missed: a sentence for each case that misses one, and for no other. Written by hand, after a run."""

from __future__ import annotations

_NARROW = (
    "Bounded by arithmetic: in cache and on one thread a row of ten classes takes 4.5 ns (1.6 for the transpose "
    "that puts one row into each lane, the rest for exponentials, sum, logarithm and label), while memory delivers "
    "it in 0.9 ns."
)
_PLANES = (
    "Bounded by arithmetic: in cache and on one thread, 16 elements of 21 classes take 5.3 ns, while memory delivers "
    "them in 1.4 ns."
)
_CHECKED = (
    "Probabilities are checked before they are used: that each row sums to 1 takes a transpose and a sum of every "
    "row, and the logarithm at the label a second, scattered read."
)
_SOFT = (
    "The floor is the speed of the last cache here, which holds all three arrays. Targets are read twice, once to "
    "be checked and weighed; 4 million exponentials alone take 0.5 ms on one thread, half of the floor. Another run "
    "of the same kernels, with less company on this shared machine: 1.85 times the floor, 5.1 times PyTorch's speed."
)
_EDGE = (
    "Near the bound: reading ahead hides most of the arithmetic (33 GB/s in cache on one thread), and how much "
    "depends on who else computes on this shared machine. Another run of the same kernels, times the floor: {}."
)
_SCIPY = "Within the aim against the floor: SciPy would have to take ten times what memory itself takes."
_SOFTCAP = (
    "For e^x to keep float32's digits a capped logit must be right to 2^-29 of the cap: it is computed in float64, "
    "with an exponential for the tanh beside that of the softmax."
)
_MASK = (
    "Masked logits are written to a tile of work space before they are used; a mask of rows is a quarter more to "
    "read besides."
)

_PRODUCTS = (
    "Out of reach where the matrix products run: PyTorch's linear layer and loss take {} times the bare products here, "
    "and whoever makes these products cannot gain more than that."
)

EXPLANATIONS: dict[str, str] = {
    "softmax_cross_entropy, index targets, value and gradient in place, (2048, 50257), float32": _EDGE.format("1.35"),
    "softmax_cross_entropy, index targets, value and gradient in place, (1024, 128256), float32": _EDGE.format("1.19"),
    "softmax_cross_entropy, index targets, value and gradient into out=, (2048, 50257), bfloat16": _EDGE.format("1.45"),
    "softmax_cross_entropy, index targets, value and gradient into out=, (32768, 1000), float32": _EDGE.format("1.35"),
    "soft_margin, sign targets, value and gradient into out=, (50000000,), float32": _EDGE.format("1.06"),
    "softmax_cross_entropy, index targets, value, (2000000, 10), float32": _NARROW,
    "softmax_cross_entropy, index targets, value and gradient into out=, (2000000, 10), float32": _NARROW,
    "softmax_cross_entropy, index targets, value and gradient, (2000000, 10), float32": _NARROW,
    "categorical_cross_entropy, index targets, value, (2000000, 10), float32": _CHECKED,
    "softmax_cross_entropy, soft targets, value and gradient into out=, (4096, 1000), float32": _SOFT,
    "softmax_cross_entropy, index targets, value, (32, 81, 8732), float32": _PLANES,
    "softmax_cross_entropy, index targets, value, (8, 21, 512, 512), float32": _PLANES,
    "softmax_cross_entropy, index targets, value and gradient into out=, (32, 81, 8732), float32": _PLANES,
    "softmax_cross_entropy, index targets, value and gradient into out=, (8, 21, 512, 512), float32": _PLANES,
    "softmax, (2000000, 10), float32": _NARROW,
    "softmax, (2048, 50257), float32": _SCIPY,
    "log_softmax, (2048, 50257), float32": _SCIPY,
    "logsumexp, (2000000, 10), float32": _NARROW,
    "softmax_cross_entropy, index targets, value and gradient into out=, class_mask of rows, (4096, 8192), float32": _MASK,  # noqa: E501
    "softmax_cross_entropy, index targets, value and gradient into out=, softcap, (4096, 8192), float32": _SOFTCAP,
    "linear_softmax_cross_entropy, index targets, value and gradient, (2048, 768, 50257), float32": _PRODUCTS.format(
        1.22
    ),
    "linear_softmax_cross_entropy, index targets, value and gradient, (2048, 768, 50257), bfloat16": _PRODUCTS.format(
        1.43
    ),
}
