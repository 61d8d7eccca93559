"""No call keeps a temporary of its inputs' size: the greatest memory of a process is its inputs and its results."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The part of a program that measures: the peak of resident memory during a call, above what there was before.
PROGRAM = """
import numpy as np, ml_dtypes, crossentropy as ce

dtype = np.dtype("{dtype}")
rows, columns = 16 * 2**20 // dtype.itemsize // 512, 512


def filled(shape, dtype, value=0):
    array = np.empty(shape, dtype)
    array[...] = value  # in memory, not only promised
    return array


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def takes(call, size=0):
    ce.release_memory()
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")  # the peak from now on
    before = peak()
    call()
    taken = peak() - before
    assert taken < size + 6 * 2**20, f"{{taken / 2**20:.1f}} MiB, where results are {{size / 2**20:.0f}}"


def prepare(call):
    call()  # work space of the threads, and what is imported late


x, out = filled((rows, columns), dtype, {fill}), filled((rows, columns), dtype)
{body}
print("good")
"""

LOSS = """
loss, targets, options = ce.{loss}, {targets}, dict({options})
prepare(lambda: loss.value_and_grad(x, targets, out=out, **options))
takes(lambda: loss(x, targets, **options))
takes(lambda: loss.value_and_grad(x, targets, out=out, **options))
takes(lambda: loss.value_and_grad(x, targets, **options), x.nbytes)
takes(lambda: loss.hessian_diagonal(x, targets, **options), x.nbytes)
losses = loss(x, targets, **options, reduction="none").nbytes
takes(lambda: loss(x, targets, **options, reduction="none"), losses)
takes(lambda: loss.value_and_grad(x, targets, inplace=True, **options))
"""

ACTIVATION = """
activation, other = ce.{activation}, filled(x.shape, x.dtype, 2)
prepare(lambda: activation.vjp(x, other, out=out))
takes(lambda: activation(x), x.nbytes)
takes(lambda: activation(x, out=out))
takes(lambda: activation.vjp(x, other), x.nbytes)
takes(lambda: activation(x, inplace=True))
"""

TEMPORARY = """
takes(lambda: x + 1, x.nbytes)
print("a result is not counted")
takes(lambda: [x + 1, x + 2], x.nbytes)
"""

SOFT = "filled(x.shape, x.dtype, 1 / columns)"
SPARSE = "ce.SparseTargets(filled((rows, 2), np.int32, np.array([0, 1])), filled((rows, 2), 'f4', 0.5), tail='uniform')"
WEIGHTS = "class_weight=filled(columns, float, 1), sample_weight=filled(rows, float, 1)"
BITS = "filled(x.shape, bool, True)"
LOSSES = {
    "index": ("softmax_cross_entropy", "filled(rows, int)", ""),
    "index, weights": ("softmax_cross_entropy", "filled(rows, int)", WEIGHTS + ", label_smoothing=0.1"),
    "index, mask": ("softmax_cross_entropy", "filled(rows, int)", "class_mask=filled(x.shape, bool, True)"),
    "index, first axis": ("softmax_cross_entropy", "filled(columns, int)", "axis=0"),
    "soft": ("softmax_cross_entropy", SOFT, ""),
    "soft, weights": ("softmax_cross_entropy", SOFT, WEIGHTS),
    "sparse": ("softmax_cross_entropy", SPARSE, ""),
    "probabilities": ("categorical_cross_entropy", "filled(rows, int)", ""),
    "bits": ("sigmoid_cross_entropy", BITS, ""),
    "soft bits": ("sigmoid_cross_entropy", "filled(x.shape, x.dtype, 0.5)", ""),
    "bits, element weights": ("sigmoid_cross_entropy", BITS, "sample_weight=filled(x.shape, x.dtype, 1)"),
    "bits, weights": ("sigmoid_cross_entropy", BITS, WEIGHTS + ", pos_weight=2.0"),
    "binary": ("binary_cross_entropy", BITS, ""),
    "signs": ("soft_margin", "filled(x.shape, np.int8, 1)", ""),
    "labels": ("multilabel_soft_margin", BITS, ""),
    "squares": ("mean_squared_error", "filled(x.shape, x.dtype, 0.5)", ""),
}


def run(body: str, dtype: str, fill: str = "1 / columns") -> subprocess.CompletedProcess[str]:
    code = PROGRAM.format(dtype=dtype, fill=fill, body=body)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_need_no_memory_beside_their_results(name: str) -> None:
    loss, targets, options = LOSSES[name]
    process = run(LOSS.format(loss=loss, targets=targets, options=options), "float32")
    assert process.stdout == "good\n", process.stderr


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["index", "soft", "bits, element weights"])
def test_losses_of_other_dtypes_need_no_memory_beside_their_results(name: str, dtype: str) -> None:
    loss, targets, options = LOSSES[name]
    process = run(LOSS.format(loss=loss, targets=targets, options=options), dtype)
    assert process.stdout == "good\n", process.stderr


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("activation", ["softmax", "log_softmax", "sigmoid", "softplus"])
def test_activations_need_no_memory_beside_their_results(activation: str, dtype: str) -> None:
    process = run(ACTIVATION.format(activation=activation), dtype, "0.5")
    assert process.stdout == "good\n", process.stderr


def test_a_temporary_would_be_noticed() -> None:
    process = run(TEMPORARY, "float32")
    assert process.stdout == "a result is not counted\n"
    assert process.stderr.endswith("MiB, where results are 16\n")


HEAD = """
import torch, crossentropy.torch as ct

w = filled((1024, columns), dtype, {fill})  # logits would take 32 MiB
y, block = np.arange(rows) % len(w), 4 * 2**20
if {tensors}:
    bits = np.int16 if dtype == "bfloat16" else dtype
    x, w = (torch.from_numpy(a.view(bits)).view(torch.{dtype}).requires_grad_() for a in (x, w))
    y, head = torch.from_numpy(y), ct.linear_softmax_cross_entropy

    def value(options):
        with torch.no_grad():
            head(x, w, y, **options)

    def gradients(options):
        x.grad = w.grad = None
        found = head(x, w, y, **options)
        (getattr(found, "loss", found) / 3).backward()
else:
    head = ce.linear_softmax_cross_entropy
    value = lambda options: head(x, w, y, **options)
    gradients = lambda options: head.value_and_grad(x, w, y, **options)
for options in (dict(), dict(label_smoothing=0.1, softcap=30.0, outputs=("entropy", "correct"))):
    options |= dict(block_bytes=block)
    prepare(lambda: gradients(options))
    if {tensors}:
        x.grad = w.grad = None
    takes(lambda: value(options), block)
    takes(lambda: gradients(options), block + (2 if {halves} else 1) * w.nbytes + x.nbytes)
"""


@pytest.mark.parametrize(("tensors", "dtype"), [(False, "float32"), (True, "float32"), (True, "bfloat16")])
def test_heads_need_a_block_beside_their_gradients(tensors: bool, dtype: str) -> None:
    """And for bfloat16 the lower halves of the sums that the weight's gradient is; never the logits."""
    body = HEAD.format(tensors=tensors, dtype=dtype, fill="1 / columns", halves=dtype == "bfloat16")
    process = run(body, dtype)
    assert process.stdout == "good\n", process.stderr
