"""Plotly's JavaScript out of the installed package. Nothing of it is in this repository, and Plotly is not imported."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pytest_vizart.report.drawings import gzipped


@dataclass(frozen=True, slots=True)
class Bundle:
    """`text` is base64 of gzip; `csp_hash` allows the unpacked script to run, and no other."""

    text: str
    csp_hash: str


@cache
def plotly_javascript() -> Bundle | None:
    """The one bundle of the page, about 2 MB; None when the package holds no JavaScript."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    try:
        code = (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()
        code.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return Bundle(gzipped(code), csp_hash(code))


def csp_hash(code: bytes) -> str:
    """The source expression that allows exactly this inline script (Content Security Policy, level 2)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'"
