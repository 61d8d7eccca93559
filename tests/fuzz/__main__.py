"""Random calls of the core and of the public functions; ends at the first that is not as it should be."""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

import crossentropy as ce
import tests.conftest  # noqa: F401 (its settings of hypothesis)
from tests.fuzz.core_calls import one_call
from tests.fuzz.public_calls import public_calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int, default=2000, help="calls of the core, on each instruction set")
    parser.add_argument("--public", type=int, default=300, help="calls of losses, on each instruction set")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in ce.show_config()["instruction_sets"]:
        ce.use_instruction_set(name)
        outcomes = Counter(one_call(np.random.default_rng([arguments.seed, i])) for i in range(arguments.core))
        print(f"{name}: {arguments.core} calls of the core, seed {arguments.seed}: {dict(outcomes)}", flush=True)
        public_calls(arguments.seed, arguments.public)
        print(f"{name}: {arguments.public} public calls, seed {arguments.seed}: as the reference", flush=True)


if __name__ == "__main__":
    main()
