"""The items of a `golden_sample` test: each leaves its piece of the run that they make together."""

from __future__ import annotations

import pytest

from pytest_vizart.plugin.keys import DATASET
from pytest_vizart.plugin.markers import dataset_name, limits_of
from pytest_vizart.plugin.session import VizartSession
from pytest_vizart.workflow.pieces import encode, make_piece
from pytest_vizart.workflow.run import Run


def shared_test_id(item: pytest.Item) -> str | None:
    """Return the node ID of the function whose items share a run, None for a test with a run of its own."""
    if "golden_sample" not in getattr(item, "fixturenames", ()):
        return None
    name = getattr(item, "originalname", None) or item.name.partition("[")[0]
    return f"{item.nodeid.removesuffix(item.name)}{name}"


def journal_piece(session: VizartSession, item: pytest.Item, run: Run, error: BaseException | None) -> None:
    """Keep what this item adds to its function's run."""
    test_id = shared_test_id(item)
    assert test_id is not None
    piece = make_piece(
        run,
        run.predictions or [],
        test_id=test_id,
        location=item.location,
        dataset=dataset_name(item),
        samples=len(item.stash[DATASET]),
        limits=limits_of(item),
        error=error,
        contended=session.contended,
    )
    session.add_piece(encode(piece))
