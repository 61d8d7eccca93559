"""Temperature scaling: one number that turns overconfident logits into probabilities that can be believed.

Prints:

    temperature 2.39: held-out cross-entropy 0.350 → 0.247 nats, accuracy unchanged
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import crossentropy as ce
from crossentropy.linear_model import SoftmaxRegression

X, y = load_digits(return_X_y=True)
X, X_held_out, y, y_held_out = train_test_split(X / 16.0, y, test_size=0.5, stratify=y, random_state=0)
model = SoftmaxRegression(C=1e4).fit(X[:300], y[:300])  # few rows, hardly a penalty: overconfident
logits, labels = model.decision_function(X[300:]), y[300:]


def loss(log_temperature: float) -> float:
    """Cross-entropy of rows that the model has not seen, in nats."""
    return float(ce.softmax_cross_entropy(logits, labels, temperature=np.exp(log_temperature)))


temperature = float(np.exp(minimize_scalar(loss, bounds=(-3.0, 5.0), method="bounded").x))
held_out = model.decision_function(X_held_out)
before = ce.softmax_cross_entropy(held_out, y_held_out)
after = ce.softmax_cross_entropy(held_out, y_held_out, temperature=temperature)
print(f"temperature {temperature:.2f}: held-out cross-entropy {before:.3f} → {after:.3f} nats, accuracy unchanged")
