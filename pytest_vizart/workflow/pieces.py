"""Pieces: what one test of one sample adds to the run that all tests of a function make together.

A piece travels as JSON, from whatever process ran the test to the one that joins them. No pickle.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.accuracy.transport import plain, prediction_of
from pytest_vizart.errors import warn
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.history.journal import as_json
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.recording.span_table import concatenated
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.records.profile import MEASURE_COLUMNS, MeasureTable, Profile
from pytest_vizart.records.run import RunInfo, RunResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.workflow.judge import Limits
from pytest_vizart.workflow.own_metrics import OwnFigures, joined_metrics, own_figures
from pytest_vizart.workflow.recorded import task_of_prediction
from pytest_vizart.workflow.run import Run
from pytest_vizart.workflow.run_profile import run_profile
from pytest_vizart.workflow.scorebook import Scorebook


@dataclass(frozen=True, slots=True)
class Piece:
    """One sample's part of a shared run."""

    test_id: str  # of the function, without the sample
    location: tuple[str, int | None, str]  # pytest's: file, line, name
    dataset: str | None  # the name that the marker gives
    sample_id: str
    samples: int  # that the whole run has
    started_us: int
    finished_us: int
    profile: str
    spans: SpanTable
    limits: Limits
    predictions: tuple[tuple[str, dict[str, Any], dict[str, float] | None], ...] = ()
    """Stage, plain prediction and, of recorded outputs, the tolerances."""
    raised: str | None = None
    raised_in: str | None = None
    contended: bool = False
    error_type: str | None = None
    profiled: Profile = field(default_factory=Profile)
    own: OwnFigures = field(default_factory=OwnFigures)
    written: tuple[str, ...] = ()
    """Names under which the output was recorded."""
    refused: dict[str, str] = field(default_factory=dict)
    """Name -> why the output could be neither compared with the recorded one nor recorded."""
    journal: str = ""
    """Token of the span journals whose spans these are."""


_pieces: TypeAdapter[Piece] = TypeAdapter(Piece)


def encode(piece: Piece) -> bytes:
    return as_json(piece)


def decode(payload: bytes) -> Piece:
    """Raises pydantic.ValidationError if it is not a piece."""
    return _pieces.validate_json(payload)


def by_run(kept: Iterable[tuple[str, bytes]]) -> dict[str, list[Piece]]:
    """Return pieces by the run that they belong to, in the order in which they began; a damaged one is warned of.

    `kept` holds where each comes from, and its payload.
    """
    runs: dict[str, list[Piece]] = {}
    for place, payload in kept:
        try:
            piece = decode(payload)
        except ValidationError:
            warn(f"{place}: this journal file cannot be read and is left out")
        else:
            runs.setdefault(piece.test_id, []).append(piece)
    return {test_id: sorted(pieces, key=lambda piece: piece.started_us) for test_id, pieces in runs.items()}


def make_piece(
    run: Run,
    predictions: Sequence[tuple[LabelSpec, Prediction]],
    *,
    test_id: str,
    location: tuple[str, int | None, str],
    dataset: str | None,
    samples: int,
    limits: Limits,
    error: BaseException | None,
    contended: bool,
) -> Piece:
    """Return what a test of one sample leaves for the shared run."""
    run.finish_saving()
    recorded, book = run.recorder.recorded(), run.scorebook
    return Piece(
        test_id=test_id,
        location=location,
        dataset=dataset,
        sample_id=next(iter(run.seen), ""),
        samples=samples,
        started_us=run.started_us,
        finished_us=run.recorder.clock.epoch_us(),
        profile=run.profile,
        spans=recorded.table,
        limits=limits,
        predictions=tuple(
            (spec.stage, plain(prediction), dict(spec.tolerances) if spec.recorded else None)
            for spec, prediction in predictions
        ),
        raised=None if error is None else str(error),
        raised_in=None if error is None else run.failed_stage(error),
        contended=contended,
        error_type=None if error is None else type(error).__name__,
        profiled=run_profile(run, recorded),
        own=OwnFigures() if book is None else own_figures(book.custom(), book.outcomes()),
        written=() if book is None else tuple(name for name, _ in book.recorded.written),
        refused={} if book is None else {name: reason for (name, _), reason in book.recorded.refused.items()},
        journal=run.recorder.token,
    )


def shared_run_id(session_id: str, test_id: str) -> str:
    """Return the ID of the run that the items of a function make together: all processes of a session find the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vizart:{session_id}:{test_id}"))


def left_behind(pieces: Sequence[Piece], *, session_id: str, why: str) -> RunResult:
    """Return the run of pieces that were never joined: its spans, as an error."""
    first = min(pieces, key=lambda piece: piece.started_us)
    spans = _joined_spans(pieces)
    info = RunInfo(
        run_id=shared_run_id(session_id, first.test_id),
        session_id=session_id,
        test_id=first.test_id,
        dataset=first.dataset,
        dataset_digest=None,
        started_us=first.started_us,
        finished_us=max(piece.finished_us for piece in pieces),
        status="error",
        samples=len({piece.sample_id for piece in pieces}),
        passes=1,
        warmup=0,
        profile=first.profile,
        not_accepted_because=why,
        partial=True,
        error=why,
        accepted_latency=False,
    )
    return RunResult(info=info, spans=spans, stages=stage_stats(spans))


def with_spans_of(run: RunResult, other: RunResult) -> RunResult:
    """Return an unfinished run with the spans that another process left of the same run."""
    spans = concatenated([run.spans, other.spans])
    samples = len({sample for sample in spans.sample_id if sample is not None})
    return replace(run, info=replace(run.info, samples=samples), spans=spans, stages=stage_stats(spans))


def _joined_spans(pieces: Sequence[Piece], first: Piece | None = None) -> SpanTable:
    spans = concatenated([piece.spans for piece in pieces])
    if first is None:
        return spans
    return replace(spans, warmup=[piece is first for piece in pieces for _ in range(len(piece.spans))])


def _joined_profile(pieces: Sequence[Piece]) -> Profile:
    """What profiling told of the items; a leak cannot be told from one sample each in processes of their own."""
    measures = {
        name: [value for piece in pieces for value in getattr(piece.profiled.measures, name)]
        for name in MEASURE_COLUMNS
    }
    measures["span_id"] = [None] * len(measures["span_id"])  # spans are numbered anew
    return Profile(
        measures=MeasureTable(**measures),
        outputs=tuple(output for piece in pieces for output in piece.profiled.outputs),
        outputs_ms=sum(piece.profiled.outputs_ms for piece in pieces),
        artifacts_ms=sum(piece.profiled.artifacts_ms for piece in pieces),
        gpu=tuple(reading for piece in pieces for reading in piece.profiled.gpu),
    )


def join(pieces: Sequence[Piece], dataset: GoldenDataset, *, session_id: str) -> RunResult:
    """Return the run that the pieces make together, scored but not judged.

    A sample that was tried again counts once, the last time.
    """
    latest = {piece.sample_id: piece for piece in sorted(pieces, key=lambda piece: piece.finished_us)}
    chosen = [latest[sample_id] for sample_id in dataset.ids if sample_id in latest]
    first = min(chosen, key=lambda piece: piece.started_us)
    custom = joined_metrics(piece.own for piece in chosen)
    book = Scorebook(dataset, chosen[0].limits.rules, custom=custom)
    for piece in pieces:  # a sample that was tried again may have been recorded the first time
        last = latest.get(piece.sample_id) is piece
        book.recorded.take_over(piece.sample_id, piece.written, piece.refused if last else {})
    for piece in chosen:
        sample = dataset[piece.sample_id]
        for stage, data, tolerances in piece.predictions:
            prediction = prediction_of(data)
            spec = (
                dataset.spec(stage)
                if tolerances is None
                else book.recorded_spec(stage, task_of_prediction(prediction), tolerances)
            )
            book.add(sample, prediction, spec, 0, piece.own.figures.get(stage, {}))
        if piece.raised is not None:
            book.add_failed(sample, piece.raised_in, f"{piece.error_type}: {piece.raised}")
    failed = [piece for piece in chosen if piece.raised is not None]
    notes = book.close([dataset[piece.sample_id] for piece in chosen])
    # The first test pays for imports and caches; as in samples(), such spans are kept and not counted.
    spans = _joined_spans(chosen, first if len(chosen) > 1 else None)
    profile = _joined_profile(chosen)
    info = RunInfo(
        run_id=shared_run_id(session_id, chosen[0].test_id),
        session_id=session_id,
        test_id=chosen[0].test_id,
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        started_us=min(piece.started_us for piece in chosen),
        finished_us=max(piece.finished_us for piece in chosen),
        status="error" if failed else "passed",
        samples=len(chosen),
        passes=1,
        warmup=int(len(chosen) > 1),
        profile=chosen[0].profile,
        partial=dataset.partial or len(chosen) < chosen[0].samples,
        contended=any(piece.contended for piece in chosen),
        error=f"{failed[0].error_type} on {failed[0].sample_id}: {failed[0].raised}" if failed else None,
        notes=notes,
    )
    return RunResult(
        info=info,
        spans=spans,
        stages=stage_stats(spans, profile.measures),
        profile=profile,
        scores=book.scores(),
        outcomes=book.outcomes(),
        cases=book.cases(),
    )
