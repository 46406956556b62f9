"""Classes, texts and numbers of one sample as the browser shows them."""

from __future__ import annotations

from typing import Any

from pytest_vizart.records.outcome import Case

_MOST_ROWS = 50
_MOST_SPANS = 4_000
_MOST_CHARACTERS = 20_000  # of one side
_OPERATIONS = ("equal", "insert", "delete", "replace")


def classes(case: Case) -> dict[str, Any]:
    """The two labels, and the model's score."""
    return {
        "truth": {"label": case.truth.get("label")},
        "predicted": {"label": case.predicted.get("label"), "score": case.predicted.get("score")},
    }


def text(case: Case) -> dict[str, Any]:
    """Spans of both sides joined to one list: [operation, expected, found]; "offset": where the texts begin."""
    spans = _joined(_spans(case.truth), _spans(case.predicted)) if case.predicted else None
    return {
        "truth": str(case.truth["text"])[:_MOST_CHARACTERS],
        "predicted": str(case.predicted["text"])[:_MOST_CHARACTERS] if case.predicted else None,
        "spans": spans,
        "offset": int(case.truth.get("offset", 0)),
    }


def array(case: Case) -> dict[str, Any]:
    """The worst values as text: [name, place, expected, found, difference]; "arrays": name, type and shape of each."""
    return {
        "arrays": [[str(name), str(kind), _shape(shape)] for name, kind, shape in case.truth.get("arrays", ())][
            :_MOST_ROWS
        ],
        "rows": [_row(*row) for row in case.predicted.get("rows", ())[:_MOST_ROWS]] if case.predicted else None,
    }


def _spans(side: dict[str, Any]) -> list[tuple[str, str]]:
    spans = [(str(operation), str(piece)) for operation, piece in side["spans"]]
    if any(operation not in _OPERATIONS for operation, _ in spans) or len(spans) > _MOST_SPANS:
        raise ValueError("no spans of a text")
    return spans


def _joined(truth: list[tuple[str, str]], predicted: list[tuple[str, str]]) -> list[list[str]]:
    """What was replaced stands in the truth, what replaced it in the prediction, in the same order."""
    replaced = iter([piece for operation, piece in truth if operation == "replace"])
    return [
        [operation, piece if operation in ("equal", "delete") else next(replaced) if operation == "replace" else "",
         piece if operation != "delete" else ""]
        for operation, piece in predicted
    ]  # fmt: skip


def _shape(shape: Any) -> str:
    sizes = [str(int(size)) for size in shape]
    return " × ".join(sizes) if sizes else "one value"


def _row(name: Any, place: Any, expected: Any, found: Any) -> list[str]:
    where = f"[{', '.join(str(int(at)) for at in place)}]" if isinstance(place, list) else str(place)
    return [str(name), "" if where == "[]" else where, _value(expected), _value(found), _change(expected, found)]


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _change(expected: Any, found: Any) -> str:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (expected, found))
    return f"{found - expected:+.3g}" if numbers else ""
