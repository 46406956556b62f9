from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartError
from pytest_vizart.records.profile import FlameNode, Profile
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import SlowSample
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.html import embedded_json, render_html, write_report
from pytest_vizart.report.view import _verdicts

from . import builders
from .conftest import GENERATED_AT
from .profile_builders import profile, profiled_session

HOSTILE = "</script><img src=x onerror=alert(1)>\"'{{7*7}}\u2028\udcff"


class _Page(HTMLParser):
    """Tags, script contents by ID, and visible text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.text: list[str] = []
        self._script: str | None = None
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = (dict(attrs).get("id") or "") if tag in ("script", "style") else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text.append(data)
        else:
            self.scripts[self._script] = data

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def _page(result: SessionResult, history: bool = False, **options: bool) -> _Page:
    trends = builders.trend_points(result) if history else []
    return _Page(render_html(result, trends, generated_at=GENERATED_AT, **options))


def test_the_verdict_comes_first_and_names_what_failed(tmp_path: Path) -> None:
    words = _page(builders.full_session(tmp_path)).words
    order = [
        "2 of 5 checks failed",
        "3 stages checked, 1 without baseline",
        "detect slower by",
        "Stages: time and memory",
    ]
    places = [words.index(text) for text in order]
    assert places == sorted(places)


def test_the_same_session_gives_the_same_file(tmp_path: Path) -> None:
    result = builders.full_session(tmp_path)
    first, second = (render_html(result, builders.trend_points(result), generated_at=GENERATED_AT) for _ in range(2))
    assert first == second


def test_one_file_that_loads_nothing(tmp_path: Path) -> None:
    page = _page(builders.full_session(tmp_path), history=True)
    loading = [
        attributes for _, attributes in page.tags for name in ("src", "href", "srcset", "action") if name in attributes
    ]
    assert all((attributes.get("href") or "").startswith("#") for attributes in loading)
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "base"}


def test_plotly_is_there_once_and_only_when_there_is_history(tmp_path: Path) -> None:
    result = builders.full_session(tmp_path)
    with_history = _page(result, history=True)
    assert sum(attributes.get("id") == "plotly-bundle" for _, attributes in with_history.tags) == 1
    assert b"plotly.js" in gzip.decompress(b64decode(with_history.scripts["plotly-bundle"]))[:200]
    assert "plotly-bundle" not in _page(result).scripts
    assert "plotly-bundle" not in _page(result, history=True, plotly_bundle=False).scripts


def test_empty_states_say_why_they_are_empty(tmp_path: Path) -> None:
    nothing = _page(SessionResult(builders.session(), ())).words
    assert "Nothing was measured" in nothing
    passing = _page(builders.passing_session(tmp_path)).words
    assert "All 2 checks passed" in passing
    assert "2 not checked" in passing
    assert "There is no history yet" in passing
    assert "No sample is wrong or invalid" in passing
    unlabeled = _page(SessionResult(builders.session(), (RunResult(builders.run_info(), SpanTable()),))).words
    assert "No prediction was compared with ground truth" in unlabeled
    assert "No check was made" in unlabeled


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    result = hostile_session(tmp_path)
    page = _page(result, history=True)
    assert not [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes]
    assert sum(tag == "script" and not attributes.get("type") for tag, attributes in page.tags) == 1
    assert "{{7*7}}" in page.words
    index = json.loads(page.scripts["cases-index"])
    assert index["sample_id"][0] == HOSTILE.replace("\udcff", "\\udcff")


def test_embedded_json_holds_no_character_that_html_or_old_script_engines_read() -> None:
    text = str(embedded_json({"name": "<!--<script>&\u2028\u2029"}))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"name": "<!--<script>&\u2028\u2029"}


def test_what_was_profiled_is_shown_and_what_was_not_leaves_no_gap(tmp_path: Path) -> None:
    page = _page(profiled_session(tmp_path))
    for said in (
        "at once ran at the same time as others: times do not add up",
        "suppress overlaps: shorter than 0.2 ms: timing alone",
        "peak above its start, exact 60.1 MB",
        "peak above its start, sampled 3.1 MB",
        "read 850 kB a span",
        "taken from the device 1,536.0 MB",
        "of that itself 85.2 ms, 13 %",
        "waits on services 3.40 ms a span",
        "very first call 32.0 ms",
        "larger input files: 3.1 MB against 0.8 MB",
        "Memory grows by 101 kB a sample [95 .. 108] over 40 samples, most in network.",
        "queue depth",
        "objects in detect 40 in 10 counts",
        "waiting for store in upload 30.6 ms in 9 waits",
        "Slowed down during the run: power cap",
        "Functions by time 2 samples in a pass of their own",
        "2 outputs of stages summarised in 4.25 ms",
        "Outputs saved in 7.50 ms",
        "detect: 1 output holds numbers that are NaN or infinite (shelf-001).",
    ):
        assert said in page.words, said
    assert page.words.index("detect") < page.words.index("resize") < page.words.index("crop")
    plain = _page(builders.passing_session(tmp_path)).words
    for absent in (
        "at once",
        "Functions by time",
        "Gauges",
        "GPU",
        "per second",
        "Slowest samples",
        "peaks inside",
        "kB a span",
    ):
        assert absent not in plain.split("Stages: time and memory")[1].split("Accuracy")[0], absent


def test_a_slow_sample_leads_to_its_case_where_there_is_one(tmp_path: Path) -> None:
    page = _page(profiled_session(tmp_path))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a" and attributes.get("class") == "chip"]
    assert links == ["#case=0"]


def test_functions_are_packed_and_drawn_from_columns(tmp_path: Path) -> None:
    page = _page(profiled_session(tmp_path))
    columns = json.loads(gzip.decompress(b64decode(page.scripts["flame-0"])))
    assert columns["names"][columns["name"][0]] == "all samples"
    assert {len(columns[key]) for key in ("name", "place", "parent", "start", "width", "ms", "own_ms", "package")} == {
        716
    }


def test_an_error_of_the_test_itself_is_shown(tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path, failing=False)
    run = replace(run, info=replace(run.info, status="error", error="ValueError: no coin in sight"), verdicts=())
    words = _page(SessionResult(builders.session(), (run,))).words
    assert "1 test raised an error" in words
    assert "ValueError: no coin in sight" in words


def test_five_thousand_cases_and_ten_thousand_runs_stay_small(tmp_path: Path) -> None:
    result = many_cases(tmp_path, 5000)
    trends = [point for _ in range(2) for point in builders.trend_points(result, earlier=5000)]
    document = render_html(result, trends, generated_at=GENERATED_AT)
    assert len(document) < 10_000_000


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"
    write_report(path, builders.passing_session(tmp_path), generated_at=GENERATED_AT)
    assert path.read_text("utf-8").endswith("</html>\n")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(VizartError, match="cannot be written"):
        write_report(path / "no", builders.passing_session(tmp_path), generated_at=GENERATED_AT)


def test_the_scripts_never_parse_text_as_html() -> None:
    assets = Path(render_html.__code__.co_filename).parent / "assets"
    code = "\n".join(file.read_text("utf-8") for file in assets.glob("*.js"))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|fetch\(|XMLHttpRequest", code
    )


def many_cases(folder: Path, count: int) -> SessionResult:
    run = builders.coins_run(folder)
    cases = tuple(replace(run.cases[n % 5], sample_id=f"sample-{n:05d}") for n in range(count))
    outcomes = builders.outcomes_of(list(cases))
    return SessionResult(builders.session(), (replace(run, cases=cases, outcomes=outcomes),))


def hostile_session(folder: Path) -> SessionResult:
    """One run whose every string wants to be markup, with a case of each task."""
    session = builders.session(command=HOSTILE, code=replace(builders.session().code, branch=HOSTILE, commit=HOSTILE))
    runs = builders.full_session(folder).runs
    return SessionResult(session, tuple(_hostile(run, number) for number, run in enumerate(runs)), (HOSTILE,))


def _hostile(run: RunResult, number: int) -> RunResult:
    stage, test_id = HOSTILE, f"{HOSTILE}{number}"
    named = {"labels": [HOSTILE] * 20, "classes": [HOSTILE] * 3, "label": HOSTILE}
    cases = tuple(
        replace(
            case, sample_id=HOSTILE, stage=stage, error_type=HOSTILE, reason=HOSTILE,
            truth=case.truth | named, predicted=case.predicted | named,
        )
        for case in run.cases[:1]
    )  # fmt: skip
    outcomes = tuple(
        replace(outcome, sample_id=HOSTILE, stage=stage, error_type=HOSTILE, reason=HOSTILE, tags=(HOSTILE,))
        for outcome in run.outcomes[:1]
    )
    return replace(
        run,
        info=replace(run.info, test_id=test_id, dataset=HOSTILE, error=HOSTILE, notes=(HOSTILE,), status="error"),
        stages=tuple(
            replace(
                stats,
                name=HOSTILE,
                notes=(HOSTILE,),
                parent=HOSTILE,
                concurrent=True,
                slowest=(SlowSample(HOSTILE, 3.0),),
                slow_because=HOSTILE,
            )
            for stats in run.stages[:1]
        ),
        scores=tuple(
            replace(score, stage=stage, newly_wrong=(HOSTILE,), newly_fixed=(HOSTILE,), notes=(HOSTILE,))
            for score in run.scores
        ),
        verdicts=tuple(
            replace(verdict, test_id=test_id, stage=stage, metric=HOSTILE, message=HOSTILE, samples=(HOSTILE,))
            for verdict in run.verdicts
        ),
        cases=cases,
        outcomes=outcomes,
        profile=_hostile_profile(),
    )


def _hostile_profile() -> Profile:
    whole = profile()
    measures = replace(whole.measures, name=[HOSTILE] * len(whole.measures), stage=[HOSTILE] * len(whole.measures))
    calls = tuple(FlameNode(HOSTILE, f"{HOSTILE}/{HOSTILE}.py:{number}", 1.0) for number in range(3))
    return replace(
        whole,
        measures=measures,
        leaks=(replace(whole.leaks[0], stage=HOSTILE),),
        outputs=tuple(replace(output, stage=HOSTILE, sample_id=HOSTILE, text=HOSTILE) for output in whole.outputs),
        gpu=tuple(replace(reading, throttled=(HOSTILE,)) for reading in whole.gpu),
        flame=FlameNode(HOSTILE, "", 4.0, calls),
    )


def test_samples_that_stand_in_a_verdict_above_are_not_listed_again() -> None:
    first, second = (
        Verdict("t", "detect", "accuracy", metric, "fail", "worse", samples=("a", "b")) for metric in ("map", "f1")
    )
    other = Verdict("t", "segment", "accuracy", "mean_iou", "fail", "worse", samples=("a", "b"))
    views = _verdicts([first, second, other], {})
    assert [[link.name for link in view.samples] for view in views] == [["a", "b"], [], ["a", "b"]]
    assert [view.as_above for view in views] == [0, 2, 0]
