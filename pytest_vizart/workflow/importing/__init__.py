"""Benchmark results of other programs become runs of the history, so that a team's past is not lost."""
