"""The items of a `golden_sample` test: each leaves its piece of the run that they make together."""

from __future__ import annotations

import pytest

from pytest_vizart.plugin.keys import DATASET
from pytest_vizart.plugin.markers import dataset_name, limits_of
from pytest_vizart.plugin.session import VizartSession
from pytest_vizart.plugin.shared_ids import shared_name, shared_test_id
from pytest_vizart.workflow.pieces import encode, make_piece
from pytest_vizart.workflow.run import Run


def journal_piece(session: VizartSession, item: pytest.Item, run: Run, error: BaseException | None) -> None:
    """Keep what this item adds to its function's run."""
    test_id = shared_test_id(item)
    assert test_id is not None
    piece = make_piece(
        run,
        run.predictions or [],
        test_id=test_id,
        location=(*item.location[:2], item.location[2].replace(item.name, shared_name(item))),
        dataset=dataset_name(item),
        samples=len(item.stash[DATASET]),
        limits=limits_of(item),
        error=error,
        contended=session.contended,
    )
    session.add_piece(run.run_id, encode(piece))
