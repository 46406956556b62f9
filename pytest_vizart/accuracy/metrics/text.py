"""Text: exact match, character and word error rate.

CER = (insertions + deletions + replacements) / characters of the label; WER the same over words, which whitespace
parts. Characters are Unicode code points, compared as they are: case, whitespace and composed or decomposed accents
count. Over several samples edits and lengths are summed first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.edit_distance import aligned, distance, equal_ends
from pytest_vizart.accuracy.metrics.running import over_all
from pytest_vizart.accuracy.predicted import TextPrediction
from pytest_vizart.accuracy.wording import counted, without_prediction
from pytest_vizart.records.labels import LabelSpec, TextLabel
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo

MAX_PICTURE_CHARACTERS = 5000
_AROUND = 200  # characters shown before the first and after the last difference of longer texts
_RATES = ("cer", "wer")


@dataclass(frozen=True, slots=True)
class TextTally:
    """Edits and lengths of one sample, in characters and in words. missing: nothing was predicted."""

    comparison: Comparison
    edits: int
    characters: int
    word_edits: int
    words: int
    missing: bool = False


class TextMetric:
    """A sample is correct when the text is the label's; with tolerances `cer` or `wer`, when the rates reach them.

    Measures: exact (1 or 0), cer, wer, edits. Severity: the CER, 1 at most.
    """

    headline = "cer"
    info: Mapping[str, MetricInfo] = {"cer": MetricInfo("lower"), "wer": MetricInfo("lower")}

    def tally(self, truth: TextLabel, prediction: TextPrediction | None, spec: LabelSpec) -> TextTally:
        """Count the edits; nothing predicted counts as an empty text."""
        tally = _tally(truth.text, "" if prediction is None else prediction.text, spec.tolerances)
        if prediction is not None:
            return tally
        missing = Comparison("wrong", "no-prediction", 0.0, "nothing was predicted", tally.comparison.measures)
        return TextTally(missing, tally.edits, tally.characters, tally.word_edits, tally.words, missing=True)

    def judge(self, tally: TextTally, spec: LabelSpec) -> Comparison:
        """Return the outcome."""
        return tally.comparison

    def summarise(self, tallies: Sequence[TextTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return exact_match, the share of samples with no edit; cer and wer; None where no label has text."""
        notes = without_prediction(sum(tally.missing for tally in tallies), "empty text")
        return Summary(over_all(self.running(spec), tallies), notes=notes)

    def running(self, spec: LabelSpec) -> _Running:
        """Return empty running metrics: all of them."""
        return _Running()

    def picture(
        self,
        truth: TextLabel,
        prediction: TextPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case. Spans of `truth` hold what the label has (equal, delete, replace), those of `predicted` all four.

        Of longer texts what lies between the first and the last difference and shortly around them, at most
        MAX_PICTURE_CHARACTERS; "offset" tells where that begins.
        """
        if prediction is None:
            return {"text": _writable(truth.text[:MAX_PICTURE_CHARACTERS]), "spans": []}, {}
        start, expected, found = _shown_parts(truth.text, prediction.text)
        steps = aligned(expected, found)
        left = [[operation, _writable(own)] for operation, own, _ in steps if operation != "insert"]
        right = [[operation, _writable(own if operation == "delete" else said)] for operation, own, said in steps]
        return (
            {"text": _writable(expected), "spans": left, "offset": start},
            {"text": _writable(found), "spans": right, "offset": start},
        )

    def digest(self, prediction: TextPrediction) -> str:
        """Of the text."""
        return digest_arrays(np.frombuffer(prediction.text.encode("utf-8", "surrogatepass"), dtype=np.uint8))


class _Running:
    def __init__(self) -> None:
        self._samples = self._exact = self._edits = self._characters = self._word_edits = self._words = 0

    def add(self, tally: TextTally, comparison: Comparison) -> None:
        self._samples += 1
        self._exact += tally.edits == 0 and not tally.missing
        self._edits += tally.edits
        self._characters += tally.characters
        self._word_edits += tally.word_edits
        self._words += tally.words

    def values(self) -> dict[str, float | None]:
        return {
            "exact_match": self._exact / self._samples if self._samples else None,
            "cer": self._edits / self._characters if self._characters else None,
            "wer": self._word_edits / self._words if self._words else None,
        }


def compare_texts(expected: str, found: str, tolerances: Mapping[str, float]) -> Comparison:
    """Compare two texts; `tolerances` may hold the largest "cer" and "wer", without either they must be equal."""
    return _tally(expected, found, tolerances).comparison


def _tally(expected: str, found: str, tolerances: Mapping[str, float]) -> TextTally:
    if expected == found:
        measures = {"exact": 1.0, "cer": 0.0, "wer": 0.0, "edits": 0.0}
        return TextTally(
            Comparison("correct", score=1.0, measures=measures), 0, len(expected), 0, len(expected.split())
        )
    edits, exactly = distance(expected, found)
    expected_words, found_words = expected.split(), found.split()
    word_edits, _ = distance(expected_words, found_words)
    measures = {
        "exact": 0.0,
        "cer": _rate(edits, len(expected)),
        "wer": _rate(word_edits, len(expected_words)),
        "edits": float(edits),
    }
    score = 1.0 - min(1.0, measures["cer"])
    given = {name: tolerances[name] for name in _RATES if name in tolerances}
    if given and all(measures[name] <= most for name, most in given.items()):
        comparison = Comparison("correct", score=score, measures=measures)
    else:
        reason = _reason(expected, found, edits, measures, given, exactly)
        error = ErrorItem("difference", min(1.0, measures["cer"]), note=reason)
        comparison = Comparison("wrong", "difference", score, reason, measures, (error,))
    return TextTally(comparison, edits, len(expected), word_edits, len(expected_words))


def _rate(edits: int, length: int) -> float:
    # Against an empty label any text is wholly wrong: a rate that grows with it would say nothing more.
    return edits / length if length else float(edits > 0)


def _reason(
    expected: str, found: str, edits: int, measures: Mapping[str, float], given: Mapping[str, float], exactly: bool
) -> str:
    at, _ = equal_ends(expected, found)
    shown = [ascii(text[at : at + 20]) if text[at : at + 20].strip() == "" else repr(text[at : at + 20]) for text in
             (expected, found)]  # fmt: skip
    most = "" if exactly else "at most "
    rates = ", ".join(f"{name.upper()} {measures[name]:.3f}, above {limit:g}" for name, limit in given.items()
                      if measures[name] > limit)  # fmt: skip
    told = f"{most}{counted(edits, 'edit')} over {counted(len(expected), 'character')}"
    told += f" ({rates})" if rates else ""
    reason = f"{told}; first difference at character {at:,}: expected {shown[0]}, found {shown[1]}"
    if len(expected) + len(found) < 1_000_000 and normalize("NFC", expected) == normalize("NFC", found):
        reason += "; equal after Unicode normalisation (NFC)"
    return _writable(reason)


def _shown_parts(expected: str, found: str) -> tuple[int, str, str]:
    """Return where the shown parts begin, and the parts of both texts."""
    most = MAX_PICTURE_CHARACTERS
    if max(len(expected), len(found)) <= most:
        return 0, expected, found
    equal_start, equal_end = equal_ends(expected, found)
    start, end = max(0, equal_start - _AROUND), max(0, equal_end - _AROUND)
    return start, expected[start : len(expected) - end][:most], found[start : len(found) - end][:most]


def _writable(text: str) -> str:
    """Replace halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
