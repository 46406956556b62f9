"""`Run`: what a test holds in its hands as `vizart_run`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.audit.artifacts import ArtifactStore
from pytest_vizart.audit.lines import error_text, failure_fields
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import UsageError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.profiling.calibration import calibrate
from pytest_vizart.profiling.recording.open_spans import OpenSpan, innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.watch import Watch, instrumented
from pytest_vizart.records.keeping import ArtifactModes
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.workflow.artifacts import OutputSaver, Saving
from pytest_vizart.workflow.function_pass import FunctionPass
from pytest_vizart.workflow.pipelines import check_pipeline
from pytest_vizart.workflow.predicting import Predicting
from pytest_vizart.workflow.recorded import RecordedOutputs, UpdateMode
from pytest_vizart.workflow.recorded_claims import Claims
from pytest_vizart.workflow.recording import Measures, RecordingOptions, open_recorder
from pytest_vizart.workflow.sampling import Turn, batched, turns
from pytest_vizart.workflow.scorebook import Scorebook
from pytest_vizart.workflow.used_files import working_folder

_LONGEST_CHAIN = 100
_TOLD_INPUTS = 20  # of a batch that failed


class Run(Predicting, Saving):
    """One test's pass over its samples.

    Args:
        test_id: pytest node ID, or any name outside of pytest.
        output: output folder, for artifacts.
        recording: level of profiling, and where the spans are journaled.
        passes: passes over the samples; None for auto.
        warmup: samples that run first and are not counted.
        rules: stage, or None for every stage, -> when a sample is correct, see `correct_when`.
        update: which recorded outputs are recorded anew; None for none.
        artifacts: which outputs of stages are saved by themselves.
    """

    def __init__(
        self,
        test_id: str,
        *,
        output: Path,
        recording: RecordingOptions | None = None,
        passes: int | None = None,
        warmup: int = 3,
        audit: AuditLog | None = None,
        run_id: str | None = None,
        recorder: Recorder | None = None,
        rules: Mapping[str | None, str] | None = None,
        update: UpdateMode | None = None,
        artifacts: ArtifactModes | None = None,
    ) -> None:
        options = recording or RecordingOptions()
        self.run_id = run_id or str(uuid.uuid4())
        self.test_id = test_id
        self._audit = audit
        self._add_line = None if audit is None else audit.of_run(self.run_id, test_id)
        self._artifacts = ArtifactStore(output, self.run_id)
        self._saver = OutputSaver(artifacts, self._artifacts, self.log) if artifacts else None
        self.profile = options.profile
        self.dataset: GoldenDataset | None = None
        self.scorebook: Scorebook | None = None
        taker = None if self._saver is None else self._saver.take
        self.recorder = recorder or open_recorder(options, run_id=self.run_id, test_id=test_id, taker=taker)
        self.functions = None if options.profile != "full" else FunctionPass(options.profile_share)
        # The recorder's own method: one call less at every stage.
        self.stage: Callable[[str], OpenSpan] = self.recorder.stage
        self._measures = Measures(self.recorder)
        self.passes = 0
        self.warmup = warmup
        self.seen: dict[str, GoldenSample] = {}
        self.started_us = self.recorder.clock.epoch_us()
        self.predictions: list[tuple[LabelSpec, Prediction]] | None = None
        self._passes_wanted = passes
        self.told: set[tuple[str, str]] = set()  # stages and samples whose failure stands in the trail
        self._rules = dict(rules or {})
        self._update = update
        self._claims = None if options.journal is None else Claims(options.journal.with_name("recorded"), test_id)
        self._folder = output / "runs" / self.run_id
        self._models: dict[str, None] = {}  # files that the run uses
        self._here = working_folder()
        self._group: list[GoldenSample] = []
        self._batch = False
        self._turn = Turn(0, warmup=False)

    def __repr__(self) -> str:
        return f"Run({self.test_id!r}, {self.run_id[:8]})"

    def samples(self, dataset: GoldenDataset) -> Iterator[GoldenSample]:
        """Yield the samples one by one: warm-up first, then pass after pass."""
        __tracebackhide__ = True
        self._use(dataset)
        groups = [[sample] for sample in dataset]
        for group in self._groups(groups, warmup_groups=self.warmup, batch=False):
            yield group[0]

    def batches(self, dataset: GoldenDataset, size: int) -> Iterator[list[GoldenSample]]:
        """Yield lists of `size` samples, the last one shorter; spans carry the number of samples.

        Raises:
            UsageError: `size` is not a positive whole number.
        """
        __tracebackhide__ = True
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise UsageError("not a batch size", place="batches()", expected="a whole number of at least 1", found=size)
        self._use(dataset)
        yield from self._groups(batched(list(dataset), size), warmup_groups=-(-self.warmup // size), batch=True)

    def gauge(self, name: str, value: float) -> None:
        """Keep a reading of something, such as the depth of a queue, with the stage and the sample at hand.

        Raises:
            UsageError: the name is no non-empty string, or the value no finite number.
        """
        self._measures.gauge(name, value)

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a counter, such as bytes or retries. Raises as `gauge` does."""
        self._measures.count(name, amount)

    def external(self, name: str) -> AbstractContextManager[None]:
        """Return a context manager for a wait on an external service: `with vizart_run.external("ocr-api"): ...`."""
        return self._measures.external(name)

    def check(
        self,
        pipeline: Any,
        dataset: GoldenDataset,
        *,
        input: Literal["path", "array"] | Callable[[GoldenSample], Any] = "path",  # noqa: A002 - the public name
        output: Callable[[str, Any], Any] | Mapping[str, Callable[[Any], Any]] | None = None,
        on_error: Literal["continue", "raise"] = "continue",
        box_format: Literal["xyxy", "xywh", "cxcywh"] = "xyxy",
        labels: Literal["id", "index", "name"] | None = None,
    ) -> None:
        """Run a pipeline of a known shape over all samples, stage by stage, and compare what its labelled stages give.

        Args:
            pipeline: list of (name, callable), scikit-learn Pipeline, torch module, object with `.stages`, or a
                callable; coroutine functions are awaited.
            input: what the first stage gets: the sample's path, its decoded array, or what a function makes of it.
            output: turns a stage's value into a prediction: a function of (stage, value), or {stage: function}.
            on_error: a sample that raises is recorded, the others go on, the test fails at the end; "raise" stops.

        Raises:
            PipelineError: samples raised.
            UsageError: the pipeline's shape is not known.
        """
        __tracebackhide__ = True
        check_pipeline(
            self,
            pipeline,
            dataset,
            source=input,
            output=output,
            on_error=on_error,
            box_format=box_format,
            labels=labels,
        )

    def watch(self, *targets: Any) -> Watch:
        """Make the parts of pipelines, and functions named "package.module:function", stages of this run from now on.

        It ends with the run; `with vizart_run.watch(model):` or its `stop()` end it earlier. Everything is then as
        before.

        Args:
            targets: as `check` takes them, or names.

        Raises:
            UsageError: a name that leads to nothing callable, an object of no known shape, one that refuses.
        """
        __tracebackhide__ = True
        return instrumented(targets, self.recorder)

    def log(self, event: str, /, *, level: str = "INFO", **fields: Any) -> None:
        """Add a line to the audit trail of this run."""
        if self._add_line is not None:
            self._add_line(event, level=level, **fields)

    def use_sample(self, dataset: GoldenDataset, sample: GoldenSample) -> None:
        """Make the whole test belong to one sample: what the `golden_sample` fixture does.

        Its predictions are kept, for the run that all tests of the function make together.
        """
        self._use(dataset)
        self.predictions = []
        self._begin([sample], Turn(0, warmup=False), batch=False)
        self.recorder.trim_heap(self.recorder.reads_exact_peaks)  # there is no further pass for it

    def record_failure(self, error: BaseException) -> None:
        """Record what was raised while the present samples were at hand, in the audit log and as their outcome."""
        stage = self.failed_stage(error)
        self.log(
            "stage failed" if stage else "test failed",
            level="ERROR",
            success=False,
            stage=stage,
            sample="|".join(sample.id for sample in self._group) or None,
            input_path=self._group[0].path if self._group else None,
            input_paths=[sample.path for sample in self._group[:_TOLD_INPUTS]] if len(self._group) > 1 else None,
            **failure_fields(error),
        )
        if self._saver is not None:
            self._saver.failed()
        if self._turn.warmup or self.scorebook is None:
            return
        for sample in self._group:
            self.scorebook.add_failed(sample, stage, error_text(error))

    def failed_stage(self, error: BaseException) -> str | None:
        """The stage out of which an error came on the present samples, None if it came from elsewhere."""
        failure = self.recorder.failure
        chain: BaseException | None = error
        for _ in range(_LONGEST_CHAIN):  # chains can be made to bite their own tail
            if failure is None or chain is None:
                break
            if id(chain) == failure[1] and type(chain) is failure[2]:
                return failure[0]
            chain = chain.__cause__ or chain.__context__
        return None

    def current_samples(self) -> Sequence[GoldenSample]:
        return tuple(self._group)

    def _use(self, dataset: GoldenDataset) -> None:
        __tracebackhide__ = True
        if not isinstance(dataset, GoldenDataset):
            raise UsageError("not a golden dataset", expected="the golden_dataset fixture", found=dataset)
        if self.dataset is not None and self.dataset is not dataset:
            raise UsageError(
                "a run uses one dataset",
                expected=self.dataset.name,
                found=getattr(dataset, "name", dataset),
                hint="write a test for each dataset",
            )
        if self.scorebook is not None:
            raise UsageError(
                "the samples of this run were used already", hint="call samples(), batches() or check() once in a test"
            )
        self.dataset = dataset
        recorded = RecordedOutputs(dataset, self._folder, self._update, self._claims)
        self.scorebook = Scorebook(dataset, self._rules, recorded)
        self.recorder.note(dataset=dataset.name)
        where = str(dataset.root)
        self.log("run started", dataset=dataset.name, input_path=where, samples=len(dataset), profile=self.profile)

    def _groups(
        self, groups: list[list[GoldenSample]], *, warmup_groups: int, batch: bool
    ) -> Iterator[list[GoldenSample]]:
        profiled = () if self.functions is None else self.functions.chosen(len(groups))
        order = turns(
            groups,
            self.recorder.clock,
            passes=self._passes_wanted,
            warmup_groups=warmup_groups,
            memory=self.recorder.reads_exact_peaks,
            profiled=profiled,
        )
        around = innermost.get()
        for group, turn in order:
            innermost.set(around)  # a signal in an unlucky moment may have left a stage open
            self._begin(group, turn, batch=batch)
            yield group
        # Not when the test raised: the samples at hand are told with its failure.
        self._finish_outputs()
        self._group = []
        if self.functions is not None:
            self.functions.end(self.recorder)

    def _begin(self, group: list[GoldenSample], turn: Turn, *, batch: bool) -> None:
        if self._saver is not None:
            self._finish_outputs()
            first = () if self.dataset is None else self.dataset.ids[: self._saver.first_samples]
            self._saver.begin([sample.id for sample in group], first, warmup=turn.warmup)
        self._group, self._turn, self._batch = group, turn, batch
        self.recorder.trim_heap(turn.memory)
        if turn.functions and self.functions is not None:
            self.functions.begin(self.recorder)
        self.recorder.begin_sample(
            "|".join(sample.id for sample in group),
            pass_index=turn.pass_index,
            warmup=turn.warmup,
            items=len(group),
            input_path=group[0].path,
        )
        calibrate(self.recorder)
        if not turn.warmup:
            self.passes = max(self.passes, turn.pass_index + 1)
            if turn.pass_index == 0:
                self.seen.update((sample.id, sample) for sample in group)
