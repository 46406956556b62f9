from __future__ import annotations

import threading
from pathlib import Path

from pytest_vizart.workflow.recorded_claims import Claims

ROOT = Path("golden") / "shades"


def test_the_first_test_has_it_and_others_are_told_its_name(tmp_path):
    with Claims(tmp_path / "claims", "test_a").claimed(ROOT, "x", "s") as other:
        assert other is None
    with Claims(tmp_path / "claims", "test_b").claimed(ROOT, "x", "s") as other:
        assert other == "test_a"
    with Claims(tmp_path / "claims", "test_b").claimed(ROOT, "x", "t") as other:
        assert other is None
    with Claims(tmp_path / "claims", "test_b").claimed(ROOT.with_name("other"), "x", "s") as other:
        assert other is None


def test_a_test_that_is_run_again_has_it_again(tmp_path):
    for _ in range(2):
        with Claims(tmp_path, "test_[\ud800\r\n]").claimed(ROOT, "x", "s") as other:
            assert other is None


def test_another_test_waits_until_it_is_recorded(tmp_path):
    order = []

    def second():
        with Claims(tmp_path, "test_b").claimed(ROOT, "x", "s") as other:
            order.append(other)

    thread = threading.Thread(target=second)
    with Claims(tmp_path, "test_a").claimed(ROOT, "x", "s"):
        thread.start()
        order.append("recorded")
    thread.join()
    assert order == ["recorded", "test_a"]


def test_where_no_file_can_be_written_nobody_else_is_known(tmp_path):
    (tmp_path / "claims").write_text("")
    for test_id in ("test_a", "test_b"):
        with Claims(tmp_path / "claims", test_id).claimed(ROOT, "x", "s") as other:
            assert other is None
