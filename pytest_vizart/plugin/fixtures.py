"""What stands behind the fixtures. Errors of usage and of golden data are told without a traceback."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_vizart.errors import VizartError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.plugin.configuration import settings_of
from pytest_vizart.plugin.datasets import LeftOutError, dataset_for
from pytest_vizart.plugin.keys import DATASET, RUN
from pytest_vizart.plugin.markers import dataset_name
from pytest_vizart.plugin.waking import session_of
from pytest_vizart.profiling.watching.active import end_watches
from pytest_vizart.workflow.inert import InertRun
from pytest_vizart.workflow.run import Run


def open_run(request: pytest.FixtureRequest) -> Iterator[Run | InertRun]:
    """Yield the run of a test; the session's hooks finish it when the test's body has ended."""
    config, item = request.config, request.node
    if settings_of(config).off:
        yield InertRun(item.nodeid)
        return
    session = session_of(config)
    run = session.open_run(item)
    try:
        if "golden_sample" in request.fixturenames:
            with _told_plainly():
                sample = request.getfixturevalue("golden_sample")
                run.use_sample(item.stash[DATASET], sample)
        yield run
    finally:
        del item.stash[RUN]
        end_watches(run.recorder)  # also of a run whose test never began
        run.recorder.discard()


def open_dataset(request: pytest.FixtureRequest) -> GoldenDataset:
    """Return the dataset of a test, or the part of it that the options ask for."""
    with _told_plainly():
        dataset = dataset_for(request.config, dataset_name(request.node))
    request.node.stash[DATASET] = dataset
    return dataset


def open_sample(request: pytest.FixtureRequest) -> GoldenSample:
    """Return the sample that this item was made for."""
    with _told_plainly():
        dataset = dataset_for(request.config, dataset_name(request.node))
        sample = dataset[str(request.param)]
    request.node.stash[DATASET] = dataset
    return sample


@contextmanager
def _told_plainly() -> Generator[None, Any, None]:
    try:
        yield
    except LeftOutError as error:
        raise pytest.skip.Exception(error.problem, _use_item_location=True) from None
    except VizartError as error:
        # Raised here and not by pytest.fail(), which could not leave out the error that was handled.
        raise pytest.fail.Exception(str(error), pytrace=False) from None
