"""A loss report over more rows than fit into memory: meters take blocks, merge, and give the same digits in any order.

Prints:

    40000 rows, labels' entropy 1.098585 nats
    cross-entropy 0.429464 ± 0.002099 nats, 60.9 % of the labels' entropy explained, accuracy 86.3 %
    merged backwards: the same, bit for bit: True
"""

from __future__ import annotations

import numpy as np

from crossentropy.evaluation import LossMeter

classes = ["cat", "dog", "owl"]


def meter_of(seed: int) -> LossMeter:
    """What one worker sees: ten blocks of a thousand rows."""
    rng = np.random.default_rng(seed)
    meter = LossMeter(classes)
    for _ in range(10):
        targets = rng.integers(0, 3, 1000)
        logits = rng.normal(size=(1000, 3))
        logits[np.arange(1000), targets] += 2.0
        meter.update(logits=logits, targets=targets)
    return meter


workers = [meter_of(seed) for seed in range(4)]
report = workers[0].merge(workers[1]).merge(workers[2]).merge(workers[3]).report()
backwards = workers[3].merge(workers[2]).merge(workers[1]).merge(workers[0]).report()

print(f"{report.rows} rows, labels' entropy {report.labels_entropy:.6f} nats")
print(f"cross-entropy {report.cross_entropy:.6f} ± {report.cross_entropy_standard_error:.6f} nats", end=", ")
print(f"{100 * report.explained_share:.1f} % of the labels' entropy explained, accuracy {100 * report.accuracy:.1f} %")
print(f"merged backwards: the same, bit for bit: {backwards == report}")
