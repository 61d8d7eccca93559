"""Softmax regression in twenty lines: the loss knows its gradient, scipy's L-BFGS does the rest.

Prints:

    at the start:   2.302585 nats, the entropy of ten equally likely digits
    after training: 0.4211 nats in training, 0.4461 on held-out digits
    accuracy on held-out digits: 94.9 %
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import crossentropy as ce

X, y = load_digits(return_X_y=True)
X, X_held_out, y, y_held_out = train_test_split(X / 16.0, y, test_size=0.25, stratify=y, random_state=0)
penalty = 1e-2


def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean cross-entropy of the logits X Wᵀ plus ½ λ ‖W‖², and its gradient with respect to W."""
    W = parameters.reshape(10, 64)
    loss, logits_gradient = ce.softmax_cross_entropy.value_and_grad(X @ W.T, y)
    gradient = logits_gradient.T @ X + penalty * W
    return float(loss) + 0.5 * penalty * float(np.vdot(W, W)), gradient.ravel()


start = np.zeros(640)
print(f"at the start:   {objective(start)[0]:.6f} nats, the entropy of ten equally likely digits")
W = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "gtol": 1e-5}).x.reshape(10, 64)
held_out = X_held_out @ W.T
losses = [ce.softmax_cross_entropy(X @ W.T, y), ce.softmax_cross_entropy(held_out, y_held_out)]
print(f"after training: {losses[0]:.4f} nats in training, {losses[1]:.4f} on held-out digits")
print(f"accuracy on held-out digits: {100 * np.mean(held_out.argmax(axis=1) == y_held_out):.1f} %")
