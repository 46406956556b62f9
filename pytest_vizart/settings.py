"""The frozen Settings that everything else receives, resolved from the option table. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytest_vizart.errors import UsageError
from pytest_vizart.options import DEFAULT_GOLDEN, DEFAULT_OUTPUT, OPTIONS
from pytest_vizart.quantities import parse_artifacts, parse_retention, parse_size
from pytest_vizart.records.keeping import ArtifactModes, Retention

Profile = Literal["basic", "detailed", "full"]
Gate = Literal["fail", "warn", "off"]
Update = Literal["missing", "failed", "all"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one session, resolved and checked.

    `passes` is None for `auto`. Paths are absolute. `output` is a folder of this machine, where a session under way
    works; what it keeps goes to `output_url` in the end, if there is one.
    """

    rootdir: Path
    golden: Path | None = None
    golden_given: bool = False
    report: Path | None = None
    json: Path | None = None
    output: Path = field(default_factory=lambda: Path(DEFAULT_OUTPUT).absolute())
    output_url: str | None = None
    artifacts: ArtifactModes = field(default_factory=ArtifactModes)
    retention: Retention = field(default_factory=Retention)
    disk_warn_bytes: int | None = None  # free space below which a session warns
    profile: Profile = "detailed"
    profile_share: float = 0.01  # of the samples, 0 to 1
    passes: int | None = None
    warmup: int = 3
    gate: Gate = "fail"
    strict: bool = False
    base: str | None = None
    limit: int | None = None
    tags: tuple[str, ...] = ()
    update: Update | None = None
    off: bool = False
    in_ci: bool = False

    @property
    def partial(self) -> bool:
        """Whether only a part of the data is used, by --vizart-limit or --vizart-tags."""
        return self.limit is not None or bool(self.tags)

    @property
    def kept_at(self) -> str | Path:
        """Where history, logs and artifacts are kept."""
        return self.output_url or self.output


def resolve(
    from_cli: Callable[[str], Any],
    from_ini: Callable[[str], Any],
    *,
    rootdir: Path,
    invocation_dir: Path,
    environ: dict[str, str] | None = None,
) -> Settings:
    """Return the Settings of a session.

    Args:
        from_cli: dest -> value, None when the flag was not given.
        from_ini: ini name -> value, None or "" when absent.
        rootdir: relative paths of the ini file start here.
        invocation_dir: relative paths of the command line start here.

    Raises:
        UsageError: a value is not what its option takes.
    """
    env = dict(os.environ) if environ is None else environ
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    bases: dict[str, Path] = {}
    for option in OPTIONS:
        given = from_cli(option.dest)
        if given is not None:
            values[option.name], origins[option.name], bases[option.name] = given, option.flag, invocation_dir
            continue
        configured = from_ini(option.ini)
        absent = configured is None or configured == "" or (option.switch and configured is False)
        values[option.name] = option.default if absent else configured
        origins[option.name], bases[option.name] = f"ini option {option.ini}", rootdir

    def path(name: str) -> Path | None:
        value = values[name]
        return None if value is None else Path(os.path.normpath(bases[name] / Path(value).expanduser()))

    def count(name: str, minimum: int) -> int | None:
        value = values[name]
        return None if value is None else _count(value, origins[name], minimum)

    golden = path("golden")
    if golden is None and (rootdir / DEFAULT_GOLDEN).is_dir():
        golden = rootdir / DEFAULT_GOLDEN
    output_url = str(values["output"]) if "://" in str(values["output"]) else None
    if output_url is not None:
        values["output"], bases["output"] = outbox(output_url), rootdir
    output = path("output")
    assert output is not None
    in_ci = env.get("CI", "").lower() not in ("", "0", "false")
    return Settings(
        rootdir=rootdir,
        golden=golden,
        golden_given=values["golden"] is not None,
        report=path("report"),
        json=path("json"),
        output=output,
        output_url=output_url,
        artifacts=parse_artifacts(str(values["artifacts"]), origins["artifacts"]),
        retention=Retention()
        if values["retention"] is None
        else parse_retention(str(values["retention"]), origins["retention"]),
        disk_warn_bytes=None
        if values["disk-warn"] is None
        else parse_size(str(values["disk-warn"]), origins["disk-warn"]),
        profile=_choice(values["profile"], origins["profile"], ("basic", "detailed", "full")),
        profile_share=_share(values["profile-share"], origins["profile-share"]),
        passes=None if values["passes"] == "auto" else count("passes", 1),
        warmup=count("warmup", 0) or 0,
        gate=_choice(values["gate"], origins["gate"], ("fail", "warn", "off")),
        strict=_switch(values["strict"], origins["strict"]),
        base=values["base"],
        limit=count("limit", 1),
        tags=_names(values["tags"]),
        update=_update(values["update"], origins["update"], in_ci=in_ci),
        off=_off(values["off"], origins["off"]),
        in_ci=in_ci,
    )


def outbox(url: str) -> str:
    """Return the folder in which sessions work whose runs are kept at a URL: what lies in it is still to be sent."""
    import hashlib

    return f"{DEFAULT_OUTPUT}/outbox/{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _update(value: object, origin: str, *, in_ci: bool) -> Update | None:
    """An ini file that asks for updates is not asked in CI, where nobody reviews what is written."""
    if value is None or (in_ci and not origin.startswith("--")):
        return None
    mode: Update = _choice(value, origin, ("missing", "failed", "all"))
    return mode


def _count(value: object, origin: str, minimum: int) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise UsageError(
            "not a count",
            place=origin,
            expected=f"a whole number of at least {minimum}",
            found=str(value),
            hint=f"give a number, such as {max(minimum, 3)}",
        )
    return number


def _share(value: object, origin: str) -> float:
    try:
        share = float(str(value))
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise UsageError(
            "not a share", place=origin, expected="a number from 0 to 1", found=str(value), hint="1 % is 0.01"
        )
    return share


def _choice(value: object, origin: str, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise UsageError(
            "unknown value", place=origin, expected=" or ".join(choices), found=value, hint="choose one of these"
        )
    return value


def _switch(value: object, origin: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise UsageError("not a switch", place=origin, expected="true or false", found=value, hint="write true or false")


def _off(value: object, origin: str) -> bool:
    """`vizart = "off"` reads as a sentence: the ini twin of --vizart-off takes on and off, not true and false."""
    if isinstance(value, bool) or value is None:
        return bool(value)
    text = str(value).strip().lower()
    if text not in ("on", "off"):
        raise UsageError(
            "unknown value",
            place=origin,
            expected="on or off",
            found=value,
            hint='write vizart = "off" or leave it out',
        )
    return text == "off"


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(name for name in (part.strip() for part in str(value).split(",")) if name)
