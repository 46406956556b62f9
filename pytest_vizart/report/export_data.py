"""One run as plain data: its spans as CSV, or everything as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_vizart.records.profile import MEASURE_COLUMNS, MeasureTable, Profile
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.json import plain_document, stage_document

SCHEMA_VERSION = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of one
_QUOTED = (",", '"', "\n", "\r")


def spans_csv(spans: SpanTable, *, run_id: str, test_id: str) -> str:
    """Return the spans as CSV with a header line, a span a line; what was not measured is empty.

    Text that a spreadsheet would take for a formula gets a single quote before it.
    """
    lines = [",".join(("run_id", "test_id", *SPAN_COLUMNS))]
    for values in zip(*(getattr(spans, name) for name in SPAN_COLUMNS), strict=True):
        lines.append(",".join(map(_cell, (run_id, test_id, *values))))
    return "\n".join(lines) + "\n"


def run_document(
    run: Mapping[str, Any], spans: SpanTable, stages: Sequence[StageStats], profile: Profile
) -> dict[str, Any]:
    """Return the run as a JSON object: `run`, `stages` as in the session file, `spans`, `measures`, `outputs`,
    `leaks` and `gpu` as in the history, each a list of objects.
    """
    return plain_document(
        {
            "schema_version": SCHEMA_VERSION,
            "run": dict(run),
            "stages": [stage_document(stats) for stats in stages],
            "spans": _rows(spans, SPAN_COLUMNS),
            "measures": _rows(profile.measures, MEASURE_COLUMNS),
            "outputs": [asdict(output) for output in profile.outputs],
            "leaks": [asdict(leak) for leak in profile.leaks],
            "gpu": [asdict(reading) for reading in profile.gpu],
        }
    )


def _rows(table: SpanTable | MeasureTable, names: Sequence[str]) -> list[dict[str, Any]]:
    columns = [getattr(table, name) for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    text = f"'{value}" if value.startswith(_FORMULA) else value
    # Not by the csv module, which leaves a lone carriage return unquoted in Python 3.11.
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in _QUOTED) else text
