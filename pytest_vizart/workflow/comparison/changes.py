"""What changed between two sides: times, memory, metrics and samples, of each test and stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pytest_vizart.accuracy.flips import newly_wrong
from pytest_vizart.accuracy.metric_names import METRICS, beyond
from pytest_vizart.history.reader import History
from pytest_vizart.workflow.comparison.series import gauge_means
from pytest_vizart.workflow.comparison.sides import RunRow, Side

_FIGURES = (
    ("wall_ms", "wall_median_ns", 1e6),
    ("cpu_ms", "cpu_median_ns", 1e6),
    ("rss_mb", "rss_highest", 1e6),
    ("peak_mb", "rss_peak", 1e6),
    ("gpu_mb", "gpu_peak", 1e6),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One figure on both sides; None where it was not measured.

    figure: wall_ms, cpu_ms (medians), rss_mb (highest resident memory), peak_mb, gpu_mb, or the name of a gauge, whose
    mean it is, or of a metric.
    worse: None where nothing says which direction is better.
    """

    stage: str
    figure: str
    a: float | None
    b: float | None
    headline: bool = False
    worse: bool | None = None

    @property
    def share(self) -> float | None:
        """How much larger B is, as a share of A; None where one is unknown or A is zero."""
        return None if self.a is None or self.b is None or not self.a else self.b / self.a - 1


@dataclass(frozen=True, slots=True)
class Flips:
    """Samples of one stage that changed sides."""

    stage: str
    newly_wrong: tuple[str, ...]
    newly_fixed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """One test on both sides."""

    test_id: str
    run_a: RunRow
    run_b: RunRow
    figures: tuple[Change, ...]
    metrics: tuple[Change, ...]
    flips: tuple[Flips, ...]

    @property
    def same_machine(self) -> bool:
        return bool(self.run_a["fingerprint"] == self.run_b["fingerprint"])

    @property
    def same_data(self) -> bool | None:
        """Whether the golden data were the same; None where a run does not know its data, as one that crashed."""
        a, b = self.run_a["dataset_digest"], self.run_b["dataset_digest"]
        return None if a is None or b is None else bool(a == b)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides; only_a, only_b: tests that the other one has no run of."""

    a: Side
    b: Side
    tests: tuple[ComparedRuns, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(history: History, a: Side, b: Side) -> Comparison:
    """Compare the runs of two sides, test by test."""
    both = [test_id for test_id in a.runs if test_id in b.runs]
    pairs = [(test_id, a.runs[test_id], b.runs[test_id]) for test_id in both]
    wanted = dict.fromkeys(row["run_id"] for _, *rows in pairs for row in rows)
    kept = _Kept.read(history, tuple(wanted))
    return Comparison(
        a,
        b,
        tuple(kept.compared(*pair) for pair in pairs),
        tuple(test_id for test_id in a.runs if test_id not in b.runs),
        tuple(test_id for test_id in b.runs if test_id not in a.runs),
    )


def regressions(comparison: Comparison, share: float) -> Iterator[tuple[str, Change]]:
    """Yield what is worse, with its test: a stage whose wall time grew by more than the share, a headline metric.

    Times of different machines are not judged.
    """
    for compared in comparison.tests:
        for change in compared.figures:
            slower = change.figure == "wall_ms" and change.share is not None and change.share > share
            if slower and compared.same_machine:
                yield compared.test_id, change
        for change in compared.metrics:
            if change.headline and change.worse:
                yield compared.test_id, change


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the history has of some runs; by run ID, in the order of the rows."""

    stages: Mapping[str, Sequence[RunRow]]
    accuracy: Mapping[str, Sequence[RunRow]]
    outcomes: Mapping[str, Sequence[RunRow]]
    gauges: Mapping[str, Mapping[tuple[str, str], float]]

    @classmethod
    def read(cls, history: History, run_ids: Sequence[str]) -> _Kept:
        return cls(
            _by_run(history.stages(run_ids=run_ids)),
            _by_run(history.accuracy(run_ids=run_ids)),
            _by_run(history.outcomes(run_ids=run_ids, columns=("run_id", "stage", "sample_id", "status"))),
            gauge_means(history.measures(run_ids=run_ids)),
        )

    def compared(self, test_id: str, row_a: RunRow, row_b: RunRow) -> ComparedRuns:
        a, b = row_a["run_id"], row_b["run_id"]
        return ComparedRuns(
            test_id,
            row_a,
            row_b,
            (
                *_figures(self.stages.get(a, ()), self.stages.get(b, ())),
                *_gauges(self.gauges.get(a, {}), self.gauges.get(b, {})),
            ),
            tuple(_metrics(self.accuracy.get(a, ()), self.accuracy.get(b, ()))),
            tuple(_flips(self.outcomes.get(a, ()), self.outcomes.get(b, ()))),
        )


def _by_run(table: pa.Table) -> dict[str, list[RunRow]]:
    rows: dict[str, list[RunRow]] = {}
    for row in table.to_pylist():
        rows.setdefault(row["run_id"], []).append(row)
    return rows


def _figures(of_a: Sequence[RunRow], of_b: Sequence[RunRow]) -> Iterator[Change]:
    rows_a, rows_b = ({row["stage"]: row for row in rows} for rows in (of_a, of_b))
    for stage in dict.fromkeys((*rows_b, *rows_a)):
        for figure, column, unit in _FIGURES:
            a, b = (_in_unit(rows.get(stage), column, unit) for rows in (rows_a, rows_b))
            if a is not None or b is not None:
                yield Change(stage, figure, a, b, worse=None if a is None or b is None else b > a)


def _gauges(of_a: Mapping[tuple[str, str], float], of_b: Mapping[tuple[str, str], float]) -> Iterator[Change]:
    for stage, name in dict.fromkeys((*of_b, *of_a)):
        yield Change(stage, name, of_a.get((stage, name)), of_b.get((stage, name)))


def _in_unit(row: RunRow | None, column: str, unit: float) -> float | None:
    return None if row is None or row[column] is None else row[column] / unit


def _metrics(of_a: Sequence[RunRow], of_b: Sequence[RunRow]) -> Iterator[Change]:
    rows_a, rows_b = ({(row["stage"], row["metric"]): row for row in rows} for rows in (of_a, of_b))
    for stage, metric in dict.fromkeys((*rows_b, *rows_a)):
        found = [rows[stage, metric] for rows in (rows_b, rows_a) if (stage, metric) in rows]
        a, b = (
            None if row is None else row["value"] for row in (rows_a.get((stage, metric)), rows_b.get((stage, metric)))
        )
        yield Change(stage, metric, a, b, headline=bool(found[0]["headline"]), worse=_is_worse(metric, a, b))


def _is_worse(metric: str, a: float | None, b: float | None) -> bool | None:
    """Whether B is worse by more than rounding; of users' own metrics nothing here knows the better direction."""
    if a is None or b is None or metric not in METRICS:
        return None
    return beyond(b, a, METRICS[metric].direction)


def _flips(of_a: Sequence[RunRow], of_b: Sequence[RunRow]) -> Iterator[Flips]:
    sides: list[dict[str, dict[str, str]]] = []
    for rows in (of_a, of_b):
        stages: dict[str, dict[str, str]] = {}
        for row in rows:
            stages.setdefault(row["stage"], {})[row["sample_id"]] = row["status"]
        sides.append(stages)
    for stage, statuses in sides[1].items():
        wrong, fixed = newly_wrong(sides[0].get(stage, {}), statuses)
        if wrong or fixed:
            yield Flips(stage, wrong, fixed)
