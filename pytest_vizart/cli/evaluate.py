"""`vizart evaluate`: labels and predictions in files, compared without pytest."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_vizart.cli.refusal import Refused

if TYPE_CHECKING:
    from pytest_vizart.workflow.evaluation.limits import Limit
    from pytest_vizart.workflow.evaluation.options import ClassNames, Options

# Nothing else is imported before the command runs: starting Python is most of what small files take.


def _bounds(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, float]]:
    """METRIC=VALUE, as metric and value."""
    found = []
    for value in values:
        metric, _, text = value.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not metric.strip() or math.isnan(number):
            raise click.BadParameter(f"{value!r} is no limit; expected METRIC=VALUE, such as map=0.5")
        found.append((metric.strip(), number))
    return found


_PATH = click.Path(path_type=Path)
_BOX_FORMATS = click.Choice(["xyxy", "xywh", "cxcywh"])


@click.command()
@click.option(
    "--labels", type=_PATH, required=True, metavar="PATH", help="ground truth: a label file, a dataset's folder"
)
@click.option(
    "--predictions", type=_PATH, required=True, metavar="PATH", help="what the model gave: a file or a folder"
)
@click.option(
    "--task", metavar="NAME", help="boxes, instances (segm), keypoints, semantic, ...; from the files if absent"
)
@click.option("--format", "form", metavar="NAME", help="format of the labels; from the path if absent")
@click.option("--predictions-format", metavar="NAME", help="format of the predictions; from the path if absent")
@click.option("--stage", metavar="NAME", help="of a dataset with labels for several stages")
@click.option(
    "--classes", metavar="NAMES", help="names of the classes, a,b,c or a file; where labels are numbers alone"
)
@click.option("--prediction-classes", metavar="NAMES", help="names of the model's classes by its numbers")
@click.option(
    "--class-numbers", type=click.Choice(["id", "index", "name"]), help="what numbers of predicted classes are"
)
@click.option("--box-format", type=_BOX_FORMATS, help="of files that leave it open")
@click.option("--score-threshold", type=float, help="for errors, precision, recall  [default: 0.5]")
@click.option("--iou-threshold", type=float, help="where objects meet, for the same  [default: 0.5]")
@click.option("--ignore", type=int, metavar="VALUE", help="value in masks and point labels that means: no label")
@click.option("--images", type=_PATH, metavar="DIR", help="the inputs, where sizes of images must be known")
@click.option(
    "--min",
    "minima",
    metavar="METRIC=VALUE",
    callback=_bounds,
    multiple=True,
    help="exit 1 if the metric is lower; may be repeated",
)
@click.option(
    "--max",
    "maxima",
    metavar="METRIC=VALUE",
    callback=_bounds,
    multiple=True,
    help="exit 1 if the metric is higher; may be repeated",
)
@click.option("--per-class", is_flag=True, help="show all classes")
@click.option("--samples", is_flag=True, help="tell what is wrong with each sample")
@click.option("--numbers-only", is_flag=True, help="of two COCO files: their numbers alone, in half the time")
@click.option("--json", "as_json", is_flag=True, help="write JSON")
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    labels: Path,
    predictions: Path,
    minima: list[tuple[str, float]],
    maxima: list[tuple[str, float]],
    per_class: bool,
    samples: bool,
    numbers_only: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Compare predictions with their ground truth: metrics, classes, kinds of error.

    Exit status 1 if a --min or --max is missed, 2 if the files or options cannot be meant.
    """
    from pytest_vizart.errors import VizartError
    from pytest_vizart.report.wording import printable
    from pytest_vizart.workflow.evaluation.evaluate import evaluate_files
    from pytest_vizart.workflow.evaluation.limits import judge

    try:
        found = evaluate_files(labels, predictions, _options(chosen), errors=not numbers_only)
        judged = judge(found, _limits(minima, maxima))
        if as_json:
            import orjson

            from pytest_vizart.workflow.evaluation.document import document

            click.echo(orjson.dumps(document(found, judged, samples=samples), option=orjson.OPT_INDENT_2))
        else:
            from pytest_vizart.cli.evaluate_table import table

            for line in table(found, judged, all_classes=per_class, samples=samples):
                click.echo(line)
    except VizartError as error:
        raise Refused(printable(str(error))) from error
    context.exit(0 if all(one.met for one in judged) else 1)


def _options(chosen: dict[str, Any]) -> Options:
    from pytest_vizart.workflow.evaluation.options import Options

    aliases = {"segm": "instances", "bbox": "boxes"}
    return Options(
        task=aliases.get(chosen["task"], chosen["task"]),
        format=chosen["form"],
        predictions_format=chosen["predictions_format"],
        stage=chosen["stage"],
        classes=_names(chosen["classes"]),
        prediction_classes=_names(chosen["prediction_classes"]),
        class_numbers=chosen["class_numbers"],
        box_format=chosen["box_format"],
        score_threshold=chosen["score_threshold"],
        iou_threshold=chosen["iou_threshold"],
        ignore=chosen["ignore"],
        images=chosen["images"],
    )


def _names(text: str | None) -> ClassNames | None:
    if text is None:
        return None
    from pytest_vizart.workflow.evaluation.class_names import class_names

    return class_names(text)


def _limits(minima: list[tuple[str, float]], maxima: list[tuple[str, float]]) -> list[Limit]:
    from pytest_vizart.workflow.evaluation.limits import Limit

    return [
        *(Limit(metric, "min", value) for metric, value in minima),
        *(Limit(metric, "max", value) for metric, value in maxima),
    ]
