"""Accuracy and the cases of every task in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import SessionResult

from . import builders, task_builders
from .test_browser import _choose, _press, _shown_case, _text, _wait
from .test_html import HOSTILE

Opened = Callable[..., Any]

# What a drawing of each task has, when its first case is shown.
DRAWN = {
    "classes": ".verdict-words",
    "boxes": "rect.odd[style*=stroke]",
    "oriented_boxes": "path.predicted",
    "instances": "path.filled.truth",
    "keypoints": "circle.joint",
    "semantic": "img + canvas + svg",
    "panoptic": "canvas",
    "points": "figure + figure canvas",
    "boxes_3d": ".single canvas",
    "cloud": ".ramp",
    "image": ".stage-picture canvas",
    "text": "ins",
    "array": "table.values td",
}


def _texts(browser: Any, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)"
    return list(browser.execute_script(script, selector))


def _count(browser: Any, selector: str) -> int:
    return int(browser.execute_script("return document.querySelectorAll(arguments[0]).length", selector))


def test_every_task_is_drawn_in_every_mode(opened: Opened, tmp_path: Path) -> None:
    browser = opened(task_builders.task_session(tmp_path))
    for task, drawn in DRAWN.items():
        _choose(browser, "filter-test", f"tests/test_tasks.py::test_{task}")
        _wait(browser, f"return document.querySelector('#case-view {drawn}')")
        for mode in ("t", "p", "b"):
            _press(browser, mode)
        rows = _count(browser, ".error-row")
        assert rows > 0
        browser.execute_script("for (const row of document.querySelectorAll('.error-row')) row.click()")
        assert _count(browser, ".error-row[aria-pressed=true]") == 1


def test_an_error_of_the_list_is_found_in_the_drawing_and_the_other_way(opened: Opened, tmp_path: Path) -> None:
    result = SessionResult(builders.session(), (task_builders.task_run(tmp_path, "boxes"),))
    browser = opened(result, state="#q=boxes-01")
    _wait(browser, "return document.querySelector('.error-row')")
    assert _texts(browser, ".error-row .pill") == ["Miss", "Miss", "label-suspect", "Cls", "Bkg", "Both", "Loc", "Dupe"]
    browser.execute_script("document.querySelectorAll('.error-row')[3].click()")
    assert _texts(browser, ".lit .box-label") == ["dog", "Cls horse 0.83"]
    assert _count(browser, ".error-place") == 1
    browser.execute_script("document.querySelectorAll('.error-row')[3].click()")
    assert _count(browser, ".lit, .error-place, .overlay.dimmed") == 0
    browser.execute_script("""
        const label = [...document.querySelectorAll('.box-label')].find((node) => node.textContent.startsWith('Dupe'));
        label.dispatchEvent(new MouseEvent('click', { bubbles: true }));""")
    assert _texts(browser, ".error-row[aria-pressed=true] .pill") == ["Dupe"]
    assert _text(browser, ".error-row[aria-pressed=true]").endswith("IoU 0.81 found already, with score 0.97●○○")


def test_sliders_hide_predictions_by_score_and_by_overlap(opened: Opened, tmp_path: Path) -> None:
    result = SessionResult(builders.session(), (task_builders.task_run(tmp_path, "boxes"),))
    browser = opened(result, state="#q=boxes-01")
    _wait(browser, "return document.querySelector('.error-row')")
    predicted = "#case-view g[data-side=predicted]"
    assert _count(browser, predicted) == 8
    move = """
        const slider = document.querySelectorAll('#case-view input[type=range]')[arguments[0]];
        slider.value = arguments[1]; slider.dispatchEvent(new Event('input'));"""
    browser.execute_script(move, 1, 0.1)
    assert _texts(browser, f"{predicted} .box-label") == ["label-suspect horse 0.95", "Bkg dog 0.77"]
    browser.execute_script(move, 0, 0.9)
    assert _texts(browser, f"{predicted} .box-label") == ["label-suspect horse 0.95"]


def test_a_kind_leads_to_its_cases_and_severity_filters_and_sorts(opened: Opened, tmp_path: Path) -> None:
    run = task_builders.task_run(tmp_path, "boxes")
    lost = Outcome("lost", "detect", "boxes", "invalid", "raised", None, "ValueError")
    mild = Outcome("mild", "detect", "boxes", "wrong", "Loc", 0.9, "a little", severity=0.2)
    browser = opened(SessionResult(builders.session(), (replace(run, outcomes=(lost, mild, *run.outcomes)),)))
    assert _text(browser, "#case-count") == "7 cases"
    browser.execute_script("[...document.querySelectorAll('a.kind')].find((a) => a.textContent === 'Dupe').click()")
    _wait(browser, "return document.querySelector('#case-count').textContent === '5 of 7 cases'")
    assert browser.execute_script("return document.getElementById('filter-sort').value") == "severity"
    assert browser.execute_script("return document.activeElement.id") == "cases"
    _choose(browser, "filter-type", "")
    rows = _texts(browser, ".case-row .severity")
    assert rows[0] == "●●●"
    assert rows[-1] == "●○○"
    assert _texts(browser, ".case-row .name")[-2:] == ["mild", "lost"]
    for severity, cases in {"low": "mild", "none": "lost"}.items():
        _choose(browser, "filter-severity", severity)
        _wait(browser, f"return document.querySelector('#case-view h3').textContent === {cases!r}")
        assert _text(browser, "#case-count") == "1 of 7 cases"
    assert "severity=none" in browser.execute_script("return location.hash")


def test_one_class_of_a_mask_is_shown_as_found_missed_and_false(opened: Opened, tmp_path: Path) -> None:
    result = SessionResult(builders.session(), (task_builders.task_run(tmp_path, "semantic"),))
    browser = opened(result, state="#q=semantic-01")
    _wait(browser, "return document.querySelector('#case-view .tools select')")
    assert _text(browser, ".case-legend").startswith("wrong pixels")
    browser.execute_script("""
        const field = document.querySelector('#case-view .tools select');
        field.value = '3'; field.dispatchEvent(new Event('input'));""")
    case = next(case for case in result.runs[0].cases if case.sample_id == "semantic-01")
    truth, predicted = (
        [index for index, length in side["rle"] for _ in range(length)] for side in (case.truth, case.predicted)
    )
    share = {
        "found": sum(t == p == 2 for t, p in zip(truth, predicted, strict=True)),
        "missed": sum(t == 2 != p for t, p in zip(truth, predicted, strict=True)),
        "false, hatched": sum(p == 2 != t and t >= 0 for t, p in zip(truth, predicted, strict=True)),
        "unlabeled": sum(t < 0 for t in truth),
    }
    assert _texts(browser, ".case-legend li") == [
        f"{word} {100 * number / len(truth):.1f} %" for word, number in share.items()
    ]


def test_tables_are_sorted_and_unfolded(opened: Opened, tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path)
    per_class = {
        f"c{number:02d}": {"ap": (number * 7 % 30) / 30, "objects": 900.0 + 10 * number} for number in range(30)
    }
    per_class["none"] = {"ap": None, "objects": 5.0}  # type: ignore[dict-item]
    scores = (replace(run.scores[0], per_class=per_class),)
    browser = opened(SessionResult(builders.session(), (replace(run, scores=scores),)))
    browser.execute_script("document.querySelector('table.sortable').closest('details').open = true")
    shown = "return [...document.querySelectorAll('table.sortable tbody tr')].filter((row) => row.offsetParent).length"
    assert browser.execute_script(shown) == 12
    browser.execute_script("document.querySelector('.unfold').click()")
    assert browser.execute_script(shown) == 31
    names = "table.sortable tbody th"
    assert _texts(browser, names)[0] == "c00"
    for column, (first, last) in {"3": ("c29", "none"), "1": ("c00", "none")}.items():
        browser.execute_script(f"document.querySelector('table.sortable th:nth-child({column}) button').click()")
        assert (_texts(browser, names)[0], _texts(browser, names)[-1]) == (first, last)
    browser.execute_script("document.querySelector('table.sortable th:nth-child(2) button').click()")
    assert _texts(browser, "table.sortable tbody td:nth-child(2)")[0] == "0.000"
    browser.execute_script("document.querySelector('table.sortable th:nth-child(2) button').click()")
    assert _texts(browser, "table.sortable tbody td:nth-child(2)")[0] == "0.967"
    assert _texts(browser, names)[-1] == "none"


def test_another_class_is_another_curve(opened: Opened, tmp_path: Path) -> None:
    result = SessionResult(builders.session(), (task_builders.task_run(tmp_path, "classes"),))
    browser = opened(result)
    line = "return document.querySelector('[data-kind=roc] .curve-line').getAttribute('d')"
    before = browser.execute_script(line)
    browser.execute_script("""
        const field = document.querySelector('select[data-curves]');
        field.value = '2'; field.dispatchEvent(new Event('input'));""")
    _wait(browser, f"return (() => {{ {line} }})() !== {before!r}")


@pytest.mark.parametrize("width", [400, 1280])
def test_hostile_names_stay_text_and_no_width_is_left(opened: Opened, tmp_path: Path, width: int) -> None:
    browser = opened(task_builders.task_session(tmp_path, HOSTILE), width=width)
    browser.execute_script("for (const fold of document.querySelectorAll('#accuracy details')) fold.open = true")
    for task in DRAWN:
        _choose(browser, "filter-test", f"tests/test_tasks.py::{HOSTILE}test_{task}".replace("\udcff", "\\udcff"))
        _wait(browser, f"return document.querySelector('#case-view h3').textContent.includes('{task}')")
        browser.execute_script("for (const row of document.querySelectorAll('.error-row')) row.click()")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, task
    assert _count(browser, "[src=x], [onerror], b") == 0
    assert "</script><img" in _shown_case(browser)
