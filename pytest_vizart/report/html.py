"""The HTML report: one file that needs no network, no server and no other file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import orjson
from markupsafe import Markup

from pytest_vizart.records.run import SessionResult, TrendPoint
from pytest_vizart.report.files import write_atomically
from pytest_vizart.report.plotly_bundle import Bundle, csp_hash, plotly_javascript
from pytest_vizart.report.view import page_view
from pytest_vizart.report.wording import encodable, encodable_throughout

_ASSETS = Path(__file__).parent / "assets"
_STYLES = ("style.css", "accuracy.css", "cases.css")
_SCRIPTS = (
    "state.js", "drawing.js", "objects.js", "masks.js", "scene.js", "points.js", "values.js", "case_errors.js",
    "case_list.js", "cases.js", "tables.js", "trends.js", "flame.js", "app.js",
)  # fmt: skip
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_html(
    result: SessionResult,
    trends: Sequence[TrendPoint] = (),
    *,
    generated_at: datetime,
    plotly_bundle: bool = True,
) -> str:
    """The report as one HTML document.

    Args:
        trends: earlier runs and the present ones, in any order; a run is present when its run_id is in `result`.
        generated_at: timezone-aware.
        plotly_bundle: False leaves the interactive chart out, 2 MB less. Without history it is left out anyway.
    """
    page = page_view(result, trends, generated_at)
    bundle = plotly_javascript() if plotly_bundle and page.trends.interactive else None
    script = _script()
    document = (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            policy=_policy(script, bundle),
            style=Markup("".join(_asset(name) for name in _STYLES)),
            script=Markup(script),
            cases_json=embedded_json(page.cases.index),
            trends_json=embedded_json(page.trends.interactive),
            plotly=bundle.text if bundle else "",
        )
    )
    return encodable(document)


def write_report(
    path: Path,
    result: SessionResult,
    trends: Sequence[TrendPoint] = (),
    *,
    generated_at: datetime,
    plotly_bundle: bool = True,
) -> None:
    """Write the report; a reader never sees half of it. Arguments as in `render_html`.

    Raises:
        VizartError: the file cannot be written.
    """
    document = render_html(result, trends, generated_at=generated_at, plotly_bundle=plotly_bundle)
    write_atomically(path, document.encode("utf-8"))


def embedded_json(value: Any) -> Markup:
    """JSON that can stand inside a script element, whatever its strings hold."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate in a file name
        text = orjson.dumps(encodable_throughout(value)).decode()
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)


def _policy(script: str, bundle: Bundle | None) -> str:
    """Content Security Policy: no network at all, and only these two scripts, whatever a name in the data says."""
    scripts = [csp_hash(script.encode())] + ([bundle.csp_hash] if bundle else [])
    return (
        f"default-src 'none'; script-src {' '.join(scripts)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ASSETS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


@cache
def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();\n"
