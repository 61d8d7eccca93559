"""Why an aim is missed: a sentence for each case that misses one, and for no other. Written by hand, after a run."""

from __future__ import annotations

_NARROW = (
    "Bounded by arithmetic: in cache and on one thread a row of ten classes takes 5.4 ns (2.0 for the transpose "
    "that puts one row into each lane, the rest for exponentials, sum, logarithm and label), while memory delivers "
    "it in 0.9 ns. Times on this shared machine swing besides: 2,000,000 rows took 15 to 36 ms on one thread, and 15 "
    "to 20 ms on two."
)
_PLANES = (
    "Bounded by arithmetic: in cache and on one thread, 16 elements of 21 classes take 7 ns, while memory delivers "
    "them in 1.4 ns."
)
_CHECKED = (
    "Probabilities are checked before they are used: that each row sums to 1 takes a transpose and a sum in float64 "
    "of every row, which is arithmetic, not memory."
)
_SOFT = (
    "The floor is the speed of the last cache here, which holds all three arrays. Targets are read twice, once to "
    "be checked and weighed; 4 million exponentials alone take 0.5 ms on one thread, half of the floor."
)
_EDGE = "Near the bound: reading ahead hides most of the arithmetic (33 GB/s in cache on one thread), not all of it."
_BFLOAT = (
    "Measured at 1.45 times the floor in another run of the same kernels on this shared machine: the arithmetic on "
    "half as many bytes is as much as on float32, and whether it hides behind the memory depends on who else "
    "computes."
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

EXPLANATIONS: dict[str, str] = {
    "softmax_cross_entropy, index targets, value and gradient in place, (2048, 50257), float32": _EDGE,
    "softmax_cross_entropy, index targets, value and gradient into out=, (2048, 50257), bfloat16": _BFLOAT,
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
    "log_softmax, (2000000, 10), float32": _NARROW,
    "log_softmax, (2048, 50257), float32": _SCIPY,
    "logsumexp, (2000000, 10), float32": _NARROW,
    "softmax_cross_entropy, index targets, value and gradient into out=, class_mask, (4096, 8192), float32": _MASK,
    "softmax_cross_entropy, index targets, value and gradient into out=, class_mask of rows, (4096, 8192), float32": _MASK,  # noqa: E501
    "softmax_cross_entropy, index targets, value and gradient into out=, softcap, (4096, 8192), float32": _SOFTCAP,
}
