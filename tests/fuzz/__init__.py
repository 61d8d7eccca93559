"""Random calls that look for what no test thought of: `python -m tests.fuzz`."""
