"""Which names stages may have, and the number of the one that is there from the start."""

from __future__ import annotations

from pytest_vizart.errors import UsageError
from pytest_vizart.records.span import CALIBRATION_STAGE

CALIBRATION = 1
MAX_STAGE_NAMES = 1_000
MAX_NAME_LENGTH = 200
_RESERVED = (CALIBRATION_STAGE, "(pipeline)", "(all)")
_HINT = 'name the step of the pipeline, such as vizart_run.stage("detect")'


def checked_name(name: object, known: int) -> str:
    """Return the name of a new stage, where `known` others are there already.

    Raises:
        UsageError: the name is not a non-empty string, is reserved, too long, or is the 1,001st distinct one.
    """
    if not isinstance(name, str) or not name.strip():
        raise UsageError("a stage needs a name", expected="a non-empty string", found=repr(name), hint=_HINT)
    if name in _RESERVED:
        raise UsageError("this stage name is reserved", found=name, hint=_HINT)
    if len(name) > MAX_NAME_LENGTH:
        raise UsageError("this stage name is too long", expected="at most 200 characters", found=name, hint=_HINT)
    if known >= MAX_STAGE_NAMES:
        raise UsageError(
            "too many distinct stage names",
            expected=f"at most {MAX_STAGE_NAMES} in one run",
            found=name,
            hint="leave sample numbers and the like out of stage names; the sample is recorded by itself",
        )
    return name
