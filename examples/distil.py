"""Distillation: a student of 16 features learns from the three most probable classes of a teacher of 64.

``SparseTargets`` holds three of ten probabilities for each row; the rest of the mass is spread evenly over the others.

Prints:

    probability on the three listed classes: 0.915 on average
    divergence before: 1.448 nats, after: 0.175 nats
    the student agrees with the teacher on 90 %
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.datasets import load_digits

import crossentropy as ce
from crossentropy.linear_model import SoftmaxRegression

X, y = load_digits(return_X_y=True)
X = X / 16.0
coarse = X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)  # every 2 × 2 pixels become one

teacher = SoftmaxRegression(C=0.1).fit(X, y).predict_proba(X)
top = np.argsort(-teacher, axis=1)[:, :3]
targets = ce.SparseTargets(top, np.take_along_axis(teacher, top, axis=1), tail="uniform")


def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean divergence of the student from the teacher, plus a small penalty."""
    W = parameters.reshape(10, 16)
    divergence, gradient = ce.softmax_kl_divergence.value_and_grad(coarse @ W.T, targets)
    return float(divergence) + 5e-5 * float(np.vdot(W, W)), (gradient.T @ coarse + 1e-4 * W).ravel()


W = minimize(objective, np.zeros(160), jac=True, method="L-BFGS-B", options={"maxiter": 2000, "gtol": 1e-5}).x
student = coarse @ W.reshape(10, 16).T
listed = np.take_along_axis(teacher, top, axis=1).sum(axis=1).mean()
print(f"probability on the three listed classes: {listed:.3f} on average")
print(f"divergence before: {ce.softmax_kl_divergence(np.zeros((len(y), 10)), targets):.3f} nats", end=", ")
print(f"after: {ce.softmax_kl_divergence(student, targets):.3f} nats")
print(f"the student agrees with the teacher on {100 * np.mean(student.argmax(axis=1) == teacher.argmax(axis=1)):.0f} %")
