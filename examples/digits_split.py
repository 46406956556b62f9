"""Which of scikit-learn's digits are golden, and which the classifier may learn from: the one place that says so."""

from __future__ import annotations

GOLDEN_DIGITS = slice(1647, 1797)
"""The last 150, in one piece: neighbours in the data set may be of the same hand, and should not be learned from."""

TRAINING_DIGITS = slice(0, 1647)
