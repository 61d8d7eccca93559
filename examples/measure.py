"""Measures of distributions: entropy, cross-entropy, divergences, and what one variable says of another.

Prints:

    fruit, eight kinds equally likely: 3.000 bits; 1024 kinds: 10.000 bits
    a switch that fails 1 time in 64:  0.1161 bits
    H(p) + D(p‖q) = 0.801819 + 0.099273 = 0.901091, H(p, q) = 0.901091 nats
    Jensen-Shannon divergence 0.026368 nats, distance 0.162381
    weather and umbrella: I = 0.278072 bits, of H(umbrella) = 1.000000
"""

from __future__ import annotations

import crossentropy as ce

fruit = [ce.entropy([1.0] * kinds, base=2, normalize=True) for kinds in (8, 1024)]
print(f"fruit, eight kinds equally likely: {fruit[0]:.3f} bits; 1024 kinds: {fruit[1]:.3f} bits")
print(f"a switch that fails 1 time in 64:  {ce.entropy([63 / 64, 1 / 64], base=2):.4f} bits")

p, q = [0.7, 0.2, 0.1], [0.5, 0.25, 0.25]
entropy, divergence = ce.entropy(p), ce.kl_divergence(p, q)
print(f"H(p) + D(p‖q) = {entropy:.6f} + {divergence:.6f} = {entropy + divergence:.6f}", end=", ")
print(f"H(p, q) = {ce.cross_entropy(p, q):.6f} nats")
print(f"Jensen-Shannon divergence {ce.js_divergence(p, q):.6f} nats, distance {ce.js_distance(p, q):.6f}")

days = [[20, 80], [80, 20]]  # rain, sun × umbrella taken, left at home
shared = ce.mutual_information(days, base=2, normalize=True)
taken = ce.entropy([100, 100], base=2, normalize=True)
print(f"weather and umbrella: I = {shared:.6f} bits, of H(umbrella) = {taken:.6f}")
