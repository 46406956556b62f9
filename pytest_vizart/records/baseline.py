"""What a run's accuracy is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AccuracyBaseline:
    """An accepted run, or a committed baseline.json.

    metrics: stage -> metric -> value. outcomes: stage -> sample ID -> status; label_digests, missed, false_positives
    likewise; None for a sample of which a run of an older version tells nothing. source: the file, where it is a
    committed one.
    """

    run_id: str
    branch: str | None
    commit: str | None
    metrics: Mapping[str, Mapping[str, float | None]]
    outcomes: Mapping[str, Mapping[str, str]]
    label_digests: Mapping[str, Mapping[str, str | None]]
    missed: Mapping[str, Mapping[str, Sequence[str] | None]] = field(default_factory=dict)
    false_positives: Mapping[str, Mapping[str, Sequence[str] | None]] = field(default_factory=dict)
    source: str | None = None
