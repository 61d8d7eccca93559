"""A batch in parts, as when it does not fit into memory: the loss and the gradient of the whole.

Averaging the parts' means is wrong where parts have different numbers of rows that count. ``normalizer=`` divides each
part by the whole batch's weight instead.

Prints:

    mean of the whole batch:  1.598644
    mean of the parts' means: 1.587980
    sum of the parts, each divided by the whole batch's weight: 1.598644
    largest difference between the gradients: 0.0
"""

from __future__ import annotations

import numpy as np

import crossentropy as ce

rng = np.random.default_rng(0)
logits = rng.normal(size=(6, 4))
targets = np.array([0, 1, -100, -100, -100, 3])  # -100: padding
parts = (slice(0, 3), slice(3, 6))

whole, gradient = ce.softmax_cross_entropy.value_and_grad(logits, targets, ignore_index=-100)
means = [ce.softmax_cross_entropy(logits[part], targets[part], ignore_index=-100) for part in parts]
print(f"mean of the whole batch:  {whole:.6f}")
print(f"mean of the parts' means: {np.mean(means):.6f}")

weight = float(np.count_nonzero(targets != -100))
total, pieces = 0.0, []
for part in parts:
    value, piece = ce.softmax_cross_entropy.value_and_grad(
        logits[part], targets[part], ignore_index=-100, normalizer=weight
    )
    total += value
    pieces.append(piece)
print(f"sum of the parts, each divided by the whole batch's weight: {total:.6f}")
print(f"largest difference between the gradients: {np.abs(np.concatenate(pieces) - gradient).max()}")
