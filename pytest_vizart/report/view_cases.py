"""The failure cases of all runs: one list for the browser, and where each case's picture lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from pytest_vizart.records.outcome import Case, ErrorItem, Outcome
from pytest_vizart.records.run import RunResult
from pytest_vizart.report.case_errors import listed_errors
from pytest_vizart.report.drawings import BUDGET_BYTES, Chunk, Drawing, drawing, packed
from pytest_vizart.report.error_kinds import KIND_MEANING
from pytest_vizart.report.images import BUDGET_BYTES as IMAGE_BUDGET_BYTES
from pytest_vizart.report.images import ImageShelf
from pytest_vizart.report.wording import plural

CaseKey = tuple[str, str, str]  # test ID, stage, sample ID

NO_TYPE = "other"
_NO_IMAGE = ("points", "boxes_3d", "cloud")  # their inputs are clouds
_MAYBE_IMAGE = ("text", "array")  # no picture is missed where their inputs are none


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One row of the list."""

    test_id: str
    stage: str
    task: str
    sample_id: str
    status: str
    error_type: str  # the worst one
    kinds: tuple[str, ...]  # every one, the worst first
    severity: float | None
    reason: str
    score: float | None
    newly_wrong: bool
    input_path: str | None
    tags: tuple[str, ...]
    errors: tuple[ErrorItem, ...]
    case: Case | None


@dataclass(frozen=True, slots=True)
class CasesView:
    """`index` is the JSON for the list, `chunks` and `image_uris` make the pictures, `notes` say what was left out."""

    entries: tuple[CaseEntry, ...] = ()
    index: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()
    image_uris: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: dict[CaseKey, int] = field(default_factory=dict)
    kinds: frozenset[CaseKey] = frozenset()  # test ID, stage, kind of error, of which there is a case


def cases_view(runs: Sequence[RunResult]) -> CasesView:
    """Every wrong or invalid outcome and every case, newly wrong first within each test."""
    entries = tuple(entry for run in runs for entry in _entries(run))
    clouds = _share_of_clouds(entries)
    shelf = ImageShelf(round(IMAGE_BUDGET_BYTES * (1 - clouds)))
    order = list(_fair_order(entries))
    payloads = (_payload(entries[number], shelf) for number in order)
    chunks = packed(payloads, BUDGET_BYTES + round(IMAGE_BUDGET_BYTES * clouds))
    shown = sum(chunk.count for chunk in chunks)
    places = {number: position for position, number in enumerate(order[:shown])}
    return CasesView(
        entries=entries,
        index=_index(entries, places),
        chunks=tuple(chunks),
        image_uris=tuple(image.uri for image in shelf.images),
        notes=_notes(len(entries), shown, shelf),
        numbers={(entry.test_id, entry.stage, entry.sample_id): number for number, entry in enumerate(entries)},
        kinds=frozenset((entry.test_id, entry.stage, kind) for entry in entries for kind in entry.kinds),
    )


def _share_of_clouds(entries: Sequence[CaseEntry]) -> float:
    """Cases without an image leave their part of the images' room to the drawings: a cloud takes as much as one."""
    return sum(entry.task in _NO_IMAGE for entry in entries) / (len(entries) or 1)


def _entries(run: RunResult) -> list[CaseEntry]:
    outcomes = {(outcome.stage, outcome.sample_id): outcome for outcome in run.outcomes}
    cases = {(case.stage, case.sample_id): case for case in run.cases}
    newly = {(score.stage, sample) for score in run.scores for sample in score.newly_wrong}
    failed = [key for key, outcome in outcomes.items() if outcome.status in ("wrong", "invalid")]
    keys = dict.fromkeys([*cases, *failed])
    entries = [_entry(run, outcomes.get(key), cases.get(key), key in newly) for key in keys]
    return sorted(entries, key=_urgency)


def _entry(run: RunResult, outcome: Outcome | None, case: Case | None, newly_wrong: bool) -> CaseEntry:
    found = case or outcome
    assert found is not None
    errors = outcome.errors if outcome else ()
    worst = found.error_type or (outcome.error_type if outcome else None)
    return CaseEntry(
        test_id=run.info.test_id,
        stage=found.stage,
        task=found.task,
        sample_id=found.sample_id,
        status=outcome.status if outcome else "wrong",
        error_type=worst or NO_TYPE,
        kinds=tuple(dict.fromkeys([*([worst] if worst else []), *(error.kind for error in errors)])) or (NO_TYPE,),
        severity=outcome.severity if outcome else None,
        reason=found.reason or (outcome.reason if outcome else None) or "",
        score=outcome.score if outcome else None,
        newly_wrong=newly_wrong,
        input_path=found.input_path or (outcome.input_path if outcome else None),
        tags=outcome.tags if outcome else (),
        errors=errors,
        case=case,
    )


def _urgency(entry: CaseEntry) -> tuple[bool, bool, float]:
    score = entry.score if entry.score is not None and entry.score - entry.score == 0 else 1.0
    return not entry.newly_wrong, entry.status != "invalid", score


def _fair_order(entries: Sequence[CaseEntry]) -> Iterator[int]:
    """Turn by turn one case of every test, stage and error type, so that a budget leaves none without a picture."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for number, entry in enumerate(entries):
        groups.setdefault((entry.test_id, entry.stage, entry.error_type), []).append(number)
    for turn in zip_longest(*groups.values()):
        yield from (number for number in turn if number is not None)


def _payload(entry: CaseEntry, shelf: ImageShelf) -> Drawing:
    payload: Drawing = {"path": entry.input_path, "tags": entry.tags}
    if entry.errors:
        payload["errors"] = listed_errors(entry.errors, entry.case)
    if entry.case is not None:
        payload["drawing"] = drawing(entry.case)
    if entry.input_path is not None and entry.task not in _NO_IMAGE:
        key = shelf.add(entry.input_path)
        if key is not None:
            image = shelf.images[key]
            payload["image"] = {"key": key, "width": image.width_px, "height": image.height_px}
        elif entry.task not in _MAYBE_IMAGE:
            payload["no_image"] = shelf.missing[entry.input_path]
    return payload


def _index(entries: Sequence[CaseEntry], places: dict[int, int]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in ("test_id", "stage", "task", "status", "error_type"):
        columns[name] = _numbered([getattr(entry, name) for entry in entries])
    kinds = _numbered([kind for entry in entries for kind in entry.kinds])
    of = iter(kinds["of"])
    columns["kinds"] = kinds | {
        "meanings": [KIND_MEANING.get(kind, "") for kind in kinds["names"]],
        "of": [[next(of) for _ in entry.kinds] for entry in entries],
    }
    columns["sample_id"] = [entry.sample_id for entry in entries]
    columns["reason"] = [entry.reason for entry in entries]
    columns["score"] = [_rounded(entry.score, 3) for entry in entries]
    columns["severity"] = [_rounded(entry.severity, 2) for entry in entries]
    columns["newly_wrong"] = [int(entry.newly_wrong) for entry in entries]
    columns["place"] = [places.get(number) for number in range(len(entries))]
    return columns


def _numbered(values: Sequence[str]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(values))
    numbers = {value: number for number, value in enumerate(names)}
    return {"names": names, "of": [numbers[value] for value in values]}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or value - value != 0 else round(value, digits)


def _notes(cases: int, shown: int, shelf: ImageShelf) -> tuple[str, ...]:
    notes = []
    if shown < cases:
        left_out = plural(cases - shown, "case is", "cases are")
        notes.append(f"{left_out} listed without a picture, to keep this file small.")
    if shelf.over_budget:
        left_out = plural(shelf.over_budget, "input image")
        notes.append(f"{left_out} left out: the images already take {shelf.budget_bytes / 1e6:g} MB.")
    return tuple(notes)
