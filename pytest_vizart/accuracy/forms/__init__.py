"""Forms of predictions: what models return, to the plain arrays of `accuracy.predicted`. One file for each family.

A form is a function `read(value, context)`; `accuracy.predictions` names them by task.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_vizart.accuracy.forms.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import BoxFormat
from pytest_vizart.records.labels import LabelSpec


@dataclass(frozen=True, slots=True)
class FormContext:
    """What a form needs beside the value.

    numbers: resolves classes. box_format: how boxes are written. image_size: (height, width) in pixels that masks must
    have; None where it is not known.
    """

    spec: LabelSpec
    numbers: ClassNumbers
    box_format: BoxFormat = "xyxy"
    image_size: tuple[int, int] | None = None
