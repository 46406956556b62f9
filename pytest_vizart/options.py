"""The option table. Each option is declared once, here: flag, ini twin, choices, default and help.

The command line's default is always None, so that the ini twin decides when the flag is absent. Every pytest session
imports this module: plain classes and no imports, since a dataclass alone costs a millisecond to define.
"""

from __future__ import annotations

DEFAULT_OUTPUT = ".vizart"
DEFAULT_GOLDEN = "golden"


class Option:
    """One option: `--vizart-<name>` on the command line, `vizart_<name>` in the ini file.

    `switch` options take no value on the command line and are booleans in the ini file. `bare` is the value of a flag
    that is given without one.
    """

    __slots__ = ("bare", "choices", "default", "help", "ini", "metavar", "name", "switch")

    def __init__(
        self,
        name: str,
        text: str,
        metavar: str = "VALUE",
        *,
        choices: tuple[str, ...] = (),
        switch: bool = False,
        default: str | None = None,
        ini: str | None = None,
        bare: str | None = None,
    ) -> None:
        self.name = name
        self.help = text
        self.metavar = metavar
        self.choices = choices
        self.switch = switch
        self.default = default
        self.ini = ini or self.dest
        self.bare = bare

    @property
    def flag(self) -> str:
        return f"--vizart-{self.name}"

    @property
    def dest(self) -> str:
        return f"vizart_{self.name.replace('-', '_')}"


OPTIONS: tuple[Option, ...] = (
    Option("golden", "folder of golden datasets, or one dataset (default: golden/ if there is one)", "DIR"),
    Option("report", "write an HTML report, one offline file", "FILE"),
    Option("json", "write the session's results as JSON (schema: docs/json.md)", "FILE"),
    Option(
        "output",
        "where history, logs and artifacts are kept: a folder, or s3://..., gs://...",
        "DIR|URL",
        default=DEFAULT_OUTPUT,
    ),
    Option("profile", "what is measured of every stage", choices=("basic", "detailed", "full"), default="detailed"),
    Option(
        "profile-share",
        "share of the samples whose functions are profiled (--vizart-profile=full)",
        "SHARE",
        default="0.01",
    ),
    Option("passes", "passes over the samples; auto: 3, fewer when one pass takes long", "auto|N", default="auto"),
    Option("warmup", "samples that run first and are not counted", "N", default="3"),
    Option("gate", "what a regression does to its test", choices=("fail", "warn", "off"), default="fail"),
    Option("strict", "a suspect verdict fails the test too (until it is confirmed, expect false alarms)", switch=True),
    Option("base", "branch whose accepted runs are the baseline (default: main or master)", "BRANCH"),
    Option("limit", "use the first N samples of each dataset; such a run is never a baseline", "N"),
    Option("tags", "use samples with one of these tags; such a run is never a baseline", "TAG[,TAG]"),
    Option(
        "update",
        "record outputs of vizart_run.golden(): missing ones, these and failed ones (if no value is given), or all; "
        "in CI by the command line only",
        choices=("missing", "failed", "all"),
        bare="failed",
    ),
    Option(
        "artifacts",
        "stage outputs that are saved: none, or some of failures, final, sample:N and all, joined by +",
        "MODES",
        default="none",
    ),
    Option(
        "retention", "how long is kept what, such as 30d or history=365d,logs=30d,artifacts=5GB (default: for ever)"
    ),
    Option("disk-warn", "warn when less is free where the output lies, such as 5GB", "SIZE", default="1GB"),
    Option("off", "stages run untimed, nothing is written or judged (ini: vizart = off)", switch=True, ini="vizart"),
)
