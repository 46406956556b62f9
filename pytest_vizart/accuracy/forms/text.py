"""Forms of a text prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.predicted import TextPrediction
from pytest_vizart.errors import PredictionError


def read(value: Any, context: FormContext) -> TextPrediction:
    """Return the text as it is: nothing is stripped, decoded or normalised. Accepted: text, or {"text": text}.

    Raises:
        PredictionError: bytes, a list, or anything else that is not text.
    """
    text = value["text"] if isinstance(value, Mapping) and "text" in value else value
    if isinstance(text, str):
        return TextPrediction(str(text))
    hints: dict[type, str] = {bytes: "decode them: value.decode()", list: 'join the lines: "\\n".join(lines)'}
    raise PredictionError(
        "not text",
        place="form",
        expected='text, or {"text": text}',
        found=f"{type(text).__name__}: {text!r}",
        hint=hints.get(type(text), "convert it with str()"),
    )
