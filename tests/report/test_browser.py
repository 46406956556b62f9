"""The report in a real browser: it draws, filters, follows keys and its address, and believes no name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.records.profile import FlameNode
from pytest_vizart.records.run import SessionResult

from . import builders
from .profile_builders import profile, profiled_run, profiled_session
from .test_html import hostile_session, many_cases

Opened = Callable[..., Any]


def _wait(browser: Any, script: str, seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = browser.execute_script(script)
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not happen: {script}")


def _text(browser: Any, selector: str) -> str:
    return str(browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def _press(browser: Any, keys: str) -> None:
    browser.switch_to.active_element.send_keys(keys)


def _choose(browser: Any, field: str, value: str) -> None:
    script = (
        "const f = document.getElementById(arguments[0]); f.value = arguments[1]; f.dispatchEvent(new Event('input'))"
    )
    browser.execute_script(script, field, value)


def _shown_case(browser: Any) -> str:
    return _text(browser, "#case-view h3")


def test_every_task_is_drawn(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path))
    for stage, drawn in {
        "detect": "#case-view svg rect.truth",
        "segment": "#case-view .stage-picture img + canvas",
        "classify": "#case-view .verdict-words",
        "label": "#case-view .side-by-side figure + figure canvas",
    }.items():
        _choose(browser, "filter-stage", stage)
        _wait(browser, f"return document.querySelector({drawn!r})")
    assert _text(browser, "#case-view").count("wrong: 573 of 8,500") == 1
    _choose(browser, "filter-stage", "classify")
    _wait(browser, "return document.querySelector('#case-view .verdict-words')")
    assert _text(browser, ".verdict-words") == "expected 8, predicted 3 (0.62)"


def test_masks_paint_exactly_the_wrong_pixels(opened: Opened, tmp_path: Path) -> None:
    result = builders.full_session(tmp_path)
    case = next(case for run in result.runs for case in run.cases if case.sample_id == "cells-02")
    column = {
        side: [c for c, length in data["rle"] for _ in range(length)]
        for side, data in (("truth", case.truth), ("predicted", case.predicted))
    }
    wrong = sum(t >= 0 and t != p for t, p in zip(column["truth"], column["predicted"], strict=True))
    browser = opened(result, state="#stage=segment&q=cells-02")
    _wait(browser, "return document.querySelector('#case-view canvas')")
    red = browser.execute_script("""
        const canvas = document.querySelector('#case-view canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let red = 0;
        for (let i = 0; i < data.length; i += 4) red += data[i] === 235 && data[i + 3] === 255;
        return red;""")
    assert red == wrong > 0


def test_boxes_follow_the_score_and_the_side(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path), state="#q=coin-001")
    count = "return document.querySelectorAll('#case-view rect.{}').length"
    _wait(browser, count.format("truth"))
    assert browser.execute_script(count.format("predicted")) == 16
    browser.execute_script("""
        const slider = document.querySelector('#case-view input[type=range]');
        slider.value = 0.99; slider.dispatchEvent(new Event('input'));""")
    assert browser.execute_script(count.format("predicted")) < 16
    _press(browser, "p")
    assert browser.execute_script(count.format("truth")) == 0
    _press(browser, "t")
    assert browser.execute_script(count.format("truth")) == 15
    assert "missed coin" in _text(browser, "#case-view svg")


def test_filters_and_the_address_say_the_same(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path))
    assert _text(browser, "#case-count") == "14 cases"
    _choose(browser, "filter-type", "miss")
    assert _text(browser, "#case-count") == "3 of 14 cases"
    _choose(browser, "filter-status", "new")
    assert _text(browser, "#case-count") == "1 of 14 cases"
    _wait(browser, "return document.querySelector('#case-view h3')?.textContent === 'coin-001'")
    state = browser.execute_script("return location.hash")
    assert "type=miss" in state
    assert "status=new" in state
    browser.get("about:blank")
    again = opened(builders.full_session(tmp_path), state=state)
    assert _text(again, "#case-count") == "1 of 14 cases"
    _choose(again, "filter-q", "no such case")
    _wait(again, "return document.querySelector('#case-view').textContent.includes('No case matches')")


def test_keys_walk_through_cases_sections_and_help(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path))
    _wait(browser, "return document.querySelector('#case-view h3')")
    first = _shown_case(browser)
    _press(browser, "j")
    _wait(browser, f"return document.querySelector('#case-view h3').textContent !== {first!r}")
    assert browser.execute_script("return document.activeElement.id") == "cases"
    _press(browser, "k")
    _wait(browser, f"return document.querySelector('#case-view h3').textContent === {first!r}")
    for key, section in enumerate(("verdicts", "stages", "accuracy", "trends", "cases"), start=1):
        _press(browser, str(key))
        assert browser.execute_script("return document.activeElement.id") == section
    _press(browser, "?")
    assert browser.execute_script("return document.getElementById('help').open")
    _press(browser, "\ue00c")
    assert not browser.execute_script("return document.getElementById('help').open")
    _press(browser, "/")
    _press(browser, "coin-004")
    _wait(browser, "return document.getElementById('case-count').textContent === '1 of 14 cases'")
    _press(browser, "\ue00c")
    assert _text(browser, "#case-count") == "14 cases"


def test_a_sample_of_a_verdict_leads_to_its_case(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path))
    browser.execute_script("document.querySelector('#verdicts a.chip').click()")
    _wait(browser, "return document.querySelector('#case-view h3')?.textContent === 'coin-003'")


def test_nothing_in_a_name_becomes_markup(opened: Opened, tmp_path: Path) -> None:
    result = hostile_session(tmp_path)
    browser = opened(result, tuple(builders.trend_points(result)))
    for _ in range(5):
        _wait(browser, "return document.querySelector('#case-view h3')")
        _press(browser, "j")
        time.sleep(0.05)
    browser.execute_script("document.getElementById('trends-open').click()")
    _wait(browser, "return document.querySelector('#trends-plot .legendtext')", 15)
    assert browser.execute_script("return document.querySelectorAll('[src=x], [onerror]').length") == 0
    assert "</script><img" in _text(browser, "#case-view h3")


def test_the_interactive_chart_runs_when_asked_for(opened: Opened, tmp_path: Path) -> None:
    result = builders.full_session(tmp_path)
    browser = opened(result, tuple(builders.trend_points(result)))
    assert browser.execute_script("return typeof window.Plotly") == "undefined"
    browser.execute_script("document.getElementById('trends-open').click()")
    _wait(browser, "return document.querySelectorAll('#trends-plot .scatterlayer .trace').length === 3", 15)
    _choose(browser, "trends-kind", "accuracy")
    _wait(browser, "return document.querySelectorAll('#trends-plot .scatterlayer .trace').length === 1")
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize("width", [400, 760, 1280])
def test_no_width_makes_the_page_wider_than_the_window(opened: Opened, tmp_path: Path, width: int) -> None:
    for result in (builders.full_session(tmp_path), hostile_session(tmp_path), profiled_session(tmp_path)):
        browser = opened(result, tuple(builders.trend_points(result)), width=width)
        _wait(browser, "return document.querySelector('#case-view h3')")
        browser.execute_script("for (const fold of document.querySelectorAll('details')) fold.open = true")
        if any(run.profile.flame for run in result.runs):
            _wait(browser, "return document.querySelector('.flame-node')")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_thousands_of_cases_keep_few_rows_in_the_page_and_are_filtered(opened: Opened, tmp_path: Path) -> None:
    browser = opened(many_cases(tmp_path, 5000))
    assert _text(browser, "#case-count") == "5,000 cases"
    rows = "return document.querySelectorAll('.case-row').length"
    assert 5 < browser.execute_script(rows) < 60
    browser.execute_script("document.getElementById('case-list').scrollTop = 1e9")
    _wait(browser, "return [...document.querySelectorAll('.case-row')].at(-1).ariaPosInSet === '5000'")
    assert browser.execute_script(rows) < 60
    browser.execute_script("""
        const field = document.getElementById('filter-q');
        field.value = 'sample-00042';
        field.dispatchEvent(new Event('input'));""")
    assert _text(browser, "#case-count") == "1 of 5,000 cases"


def test_a_link_to_the_case_that_is_shown_already_goes_there_too(opened: Opened, tmp_path: Path) -> None:
    browser = opened(builders.full_session(tmp_path))
    _wait(browser, "return document.querySelector('#case-view h3')")
    for link in browser.find_elements("css selector", "#verdicts a[href^='#case=']"):
        browser.execute_script("scrollTo(0, 0)")
        browser.execute_script("arguments[0].click()", link)
        _wait(browser, "return document.getElementById('case-view').getBoundingClientRect().top < innerHeight")
        browser.execute_script("arguments[0].click()", link)
        browser.execute_script("scrollTo(0, 0)")
        browser.execute_script("arguments[0].click()", link)
        _wait(browser, "return document.getElementById('case-view').getBoundingClientRect().top < innerHeight")


def _open_functions(browser: Any) -> None:
    browser.execute_script("document.querySelector('.flame-fold').open = true")
    _wait(browser, "return document.querySelector('.flame-node')")


def _focused_function(browser: Any) -> str:
    return str(
        browser.execute_script("return document.activeElement.closest('.flame-node')?.getAttribute('aria-label')")
    )


def _on_function(browser: Any, name: str, act: str) -> None:
    script = "[...document.querySelectorAll('.flame-node')].find((node) => node.title.startsWith(arguments[0]))" + act
    browser.execute_script(script, name)


def test_functions_are_drawn_when_asked_for_and_a_click_looks_closer(opened: Opened, tmp_path: Path) -> None:
    browser = opened(profiled_session(tmp_path))
    assert browser.execute_script("return document.querySelectorAll('.flame-node').length") == 0
    _open_functions(browser)
    assert _text(browser, ".flame-line") == "all samples · 30.0 ms, 100 %, 1.90 ms of it itself"
    width = "return document.querySelector('.flame-node[title^=network]').getBoundingClientRect().width"
    narrow, whole = (
        browser.execute_script(width),
        browser.execute_script("return document.querySelector('.flame').getBoundingClientRect().width"),
    )
    assert narrow == pytest.approx(whole * 16.4 / 30, rel=0.01)
    _on_function(browser, "network", ".click()")
    assert browser.execute_script(width) == pytest.approx(whole, rel=0.01)
    assert _text(browser, ".flame-line").startswith("network · 16.4 ms, 55 %")
    assert browser.execute_script("return document.querySelector('.flame-node[title^=decode]')") is None
    browser.execute_script("document.querySelector('.flame-fold .tools button').click()")
    assert browser.execute_script(width) == pytest.approx(narrow, rel=0.01)
    assert browser.execute_script("return document.querySelector('.flame-fold .tools button').hidden")


def test_functions_are_walked_through_by_keys_and_the_cases_stay(opened: Opened, tmp_path: Path) -> None:
    browser = opened(profiled_session(tmp_path))
    _wait(browser, "return document.querySelector('#case-view h3')")
    case = browser.execute_script("return location.hash")
    _open_functions(browser)
    browser.execute_script("document.querySelector('.flame-node[tabindex=\"0\"]').focus()")
    assert browser.execute_script("return document.querySelectorAll('.flame-node[tabindex=\"0\"]').length") == 1
    down, up, left, right, enter, escape = "\ue015", "\ue013", "\ue012", "\ue014", "\ue007", "\ue00c"
    walked = []
    for key in (down, down, left, right, up, left, enter, escape):
        _press(browser, key)
        walked.append(_focused_function(browser).split(" · ")[0])
    assert walked == ["detect", "network", "resize", "network", "detect", "decode", "decode", "decode"]
    assert _text(browser, ".flame-line").startswith("decode · 6.20 ms, 21 %")
    assert browser.execute_script("return location.hash") == case


def test_functions_are_found_by_name_and_file(opened: Opened, tmp_path: Path) -> None:
    browser = opened(profiled_session(tmp_path))
    _open_functions(browser)
    search = browser.find_element("css selector", ".flame-fold input")
    search.send_keys("NETWORK")
    assert _text(browser, ".flame-fold [role=status]") == "1 found, 55 % of the time"
    assert browser.execute_script("return [...document.querySelectorAll('.hit')].map((node) => node.textContent)") == [
        "network"
    ]
    search.send_keys("\ue007")
    assert _focused_function(browser).startswith("network")
    search.send_keys("\ue00c")
    assert browser.execute_script("return document.querySelectorAll('.hit, .dim').length") == 0
    search.send_keys("PIL/")
    assert browser.execute_script("return document.querySelectorAll('.hit').length") > 3
    search.clear()


def test_names_of_functions_are_text(opened: Opened, tmp_path: Path) -> None:
    browser = opened(hostile_session(tmp_path))
    _open_functions(browser)
    assert "</script><img" in _text(browser, ".flame-line")
    _on_function(browser, "</script>", ".click()")
    browser.find_element("css selector", ".flame-fold input").send_keys("<img")
    assert browser.execute_script("return document.querySelectorAll('[src=x], [onerror]').length") == 0
    assert _text(browser, ".flame-fold [role=status]").startswith("4 found, 100 %")


def test_of_very_many_functions_the_smallest_are_merged(opened: Opened, tmp_path: Path) -> None:
    calls = tuple(FlameNode(f"f{n}", f"p/x.py:{n}", 1.0 + n / 9_000) for n in range(9_000))
    result = profiled_session(tmp_path, profile=replace(profile(), flame=FlameNode("all", "", 20_000.0, calls)))
    browser = opened(result)
    _open_functions(browser)
    assert browser.execute_script("return document.querySelectorAll('.flame-node').length") <= 3_000
    assert "6,0" in _text(browser, ".flame-node.merged")
    assert "smaller ones" in _text(browser, ".flame-node.merged")


def test_a_slow_sample_leads_to_its_case(opened: Opened, tmp_path: Path) -> None:
    result = SessionResult(builders.session(), (builders.coins_run(tmp_path), profiled_run(tmp_path)))
    browser = opened(result)
    browser.execute_script("document.querySelector('.stage-card a.chip').click()")
    _wait(browser, "return document.querySelector('#case-view h3')?.textContent === 'shelf-007'")
