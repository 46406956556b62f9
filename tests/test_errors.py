from __future__ import annotations

import pickle
import warnings

import pytest

from pytest_vizart.errors import GoldenFormatError, VizartError, VizartWarning, warn


def full_error() -> GoldenFormatError:
    return GoldenFormatError(
        "unknown key", file="golden.yaml", place="labels[0]", expected="task", found="tsk", hint="did you mean 'task'?"
    )


def test_a_message_tells_file_place_expected_found_and_hint_in_this_order() -> None:
    assert str(full_error()) == (
        "golden.yaml, labels[0]: unknown key; expected task; found tsk; hint: did you mean 'task'?"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert str(VizartError("no such run")) == "no such run"


def test_long_finds_are_shortened() -> None:
    assert len(VizartError("x", found="y" * 5_000).found or "") == 200


def test_errors_cross_process_borders_whole() -> None:
    copy = pickle.loads(pickle.dumps(full_error()))
    assert type(copy) is GoldenFormatError
    assert str(copy) == str(full_error())


def test_a_warning_is_never_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn("the disk is full")
    assert capsys.readouterr().err == "vizart: the disk is full\n"
    with pytest.warns(VizartWarning, match="the disk is full"):
        warn("the disk is full")
