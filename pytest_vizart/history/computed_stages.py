"""Rows of `stages` for runs that were kept before there was such a table: made up from their spans."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.history.aggregates import stages_of_spans
from pytest_vizart.history.columns import distinct
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.rows import rounded_time
from pytest_vizart.history.run_sets import compacted_alike

FIRST_VERSION_WITH_STAGES = 4

SpansOf = Callable[[pa.Array], pa.Table]


class ComputedStages:
    """What was looked up once is kept: whether a run has spans does not change."""

    def __init__(self, files: TableFiles) -> None:
        self._files = files
        self._without: set[str] = set()

    def of(self, run_ids: pa.Array, spans_of: SpansOf) -> pa.Table | None:
        """Return the rows of those of these runs that have spans, None without any.

        Args:
            spans_of: gives the spans of runs, with the columns `aggregates.SPAN_COLUMNS`.
        """
        asked = [run_id for run_id in run_ids.to_pylist() if run_id not in self._without]
        if not asked:
            return None
        rows = stages_of_spans(spans_of(pa.array(asked, pa.string())))
        self._without |= set(asked) - set(distinct(rows["run_id"]).to_pylist())
        return _rounded(rows) if rows.num_rows else None

    def candidates(self) -> pa.Array:
        """Return the runs that older versions may have kept. Raises: VanishedError."""
        stages, runs = (self._files.listing(table).live for table in ("stages", "runs"))
        with_stages = {file.entry.base_name for file in stages}
        alike = compacted_alike(self._files, runs, stages)
        found = []
        for file in runs:
            if file.entry.base_name in with_stages or (alike and file.name.level != 0):
                continue
            footer = self._files.footer(file) if file.name.level == 0 else None
            if footer is None or footer.version < FIRST_VERSION_WITH_STAGES:
                ids = self._files.read_small(file, ("run_id",))
                found += [] if ids is None else [distinct(ids["run_id"])]
        return pc.unique(pa.concat_arrays(found)) if found else pa.array([], pa.string())


def _rounded(rows: pa.Table) -> pa.Table:
    for position, field in enumerate(rows.schema):
        if field.name.endswith("_ns"):
            values = [None if value is None else rounded_time(value) for value in rows[field.name].to_pylist()]
            rows = rows.set_column(position, field, pa.array(values, field.type))
    return rows
