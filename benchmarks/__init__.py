"""Speed and error of the library beside its peers: ``python -m benchmarks`` (``make bench``).

Every case passes a correctness gate before anything is timed. Then all contestants run interleaved in one process, and
what counts is their ratio: absolute times move from run to run. Results go to ``results/`` as CSV; ``--write-docs``
turns the newest into docs/benchmarks.md and the README's table, and runs the peers once more for docs/peers.md. An aim
that is missed needs its explanation (``explanations.py``) before.
"""
