"""The stored schema: every table and column, with a comment each, and the history of its versions.

Version history
    1  (0.1.0)  runs, spans, accuracy, outcomes, decisions.
    2  (0.1.0)  spans know their parent span, process, offset, self time, peaks, I/O and GPU; the tables measures,
                outputs, leaks and gpu.
    3  (0.1.0)  outcomes know severity, measures, errors, missed objects and false positives; the table subsets.
    4  (0.1.0)  the table stages; outcomes name their artifacts, runs their model files, decisions pin runs; self_ns and
                paused_ns of spans are null where they say nothing new. Compacted files.

What files are called stands in `history/names.py`. A column that an older file lacks reads as null. Timestamps are
microseconds UTC; durations are nanoseconds; memory is bytes. `run_id` joins the tables; machine, code and data of a
run stand in `runs`.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 4

_text = pa.string()
_name = pa.dictionary(pa.int32(), pa.string())  # few distinct values
_time = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, comment: str) -> pa.Field:
    return pa.field(name, kind, metadata={"comment": comment})


RUNS = pa.schema(
    [
        _column("run_id", _text, "UUID of the run"),
        _column("session_id", _text, "UUID of the pytest invocation"),
        _column("test_id", _name, "pytest node ID, without the sample for tests of one sample each"),
        _column("dataset", _name, "name of the golden dataset"),
        _column("dataset_digest", _text, "digest of manifest, label files and sample list"),
        _column("started_at", _time, "when the run's first sample began"),
        _column("finished_at", _time, "when the run was judged"),
        _column("status", _name, "passed, failed, error"),
        _column("accepted", pa.bool_(), "whether its accuracy may serve as a baseline"),
        _column("accepted_latency", pa.bool_(), "whether its times may serve as a baseline"),
        _column("not_accepted_because", _text, "why not"),
        _column("partial", pa.bool_(), "only a part of the data was used"),
        _column("contended", pa.bool_(), "measured beside other workers"),
        _column("samples", pa.int64(), "distinct samples processed"),
        _column("passes", pa.int64(), "passes over the samples, warm-up not counted"),
        _column("warmup", pa.int64(), "samples that ran first and are not counted"),
        _column("profile", _name, "level of profiling"),
        _column("error", _text, "the error that ended the test"),
        _column("fingerprint", _name, "machine fingerprint: times are compared only where it is equal"),
        _column("cpu", _name, "CPU model"),
        _column("cores", pa.int64(), "logical CPUs"),
        _column("memory_gb", pa.int64(), "memory class: nearest of 1, 1.5, 2, 3, 4, 6, 8, ... GB"),
        _column("system", _name, "operating system and architecture"),
        _column("python", _name, "implementation and version"),
        _column("gpu", _name, "GPU and driver, null without one"),
        _column("libraries", _name, "versions of key libraries, as JSON"),
        _column("commit", _name, "git commit"),
        _column("branch", _name, "git branch"),
        _column("dirty", pa.bool_(), "tracked files were changed"),
        _column("version", _name, "version of pytest-vizart"),
        _column("models", _name, "digests of the model files that the run named, as JSON; null without any"),
    ]
)

STAGES = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("stage", _name, "stage"),
        _column("parent", _name, "stage inside of which it ran first"),
        _column("spans", pa.int64(), "spans counted: warm-up excluded, errors included"),
        _column("errors", pa.int64(), "counted spans that an exception left"),
        _column("items", pa.int64(), "samples in the counted spans without an error"),
        _column(
            "wall_median_ns", pa.int64(), "median wall time; all times here are rounded to 10 significant bits, 0.1 %"
        ),
        _column("wall_p95_ns", pa.int64(), "95th percentile"),
        _column("wall_p99_ns", pa.int64(), "99th percentile"),
        _column("wall_min_ns", pa.int64(), "shortest"),
        _column("wall_max_ns", pa.int64(), "longest"),
        _column("cpu_median_ns", pa.int64(), "median CPU time of the thread that ran it"),
        _column("rss_highest", pa.int64(), "highest resident bytes of the process at an edge, or by the peak"),
        _column("rss_growth", pa.int64(), "largest growth over one span, bytes"),
        _column("rss_peak", pa.int64(), "highest peak above a span's own start, bytes"),
        _column("gpu_peak", pa.int64(), "highest bytes that the torch allocator held"),
    ]
)

SPANS = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("span_id", pa.int64(), "number of the span within its run"),
        _column("parent_id", pa.int64(), "span that was open when this one started; null outside of all"),
        _column("stage", _name, "stage; (calibration) is the fixed workload that tells the machine's speed"),
        _column("parent", _name, "stage that was open when this one started"),
        _column("process", pa.int64(), "process ID"),
        _column("sample_id", _name, "sample, or the samples of a batch joined by |"),
        _column("pass_index", pa.int32(), "0-based pass over the samples"),
        _column("warmup", pa.bool_(), "not counted: warm-up, or the pass of the function profile"),
        _column("items", pa.int32(), "samples in the span"),
        _column("started_us", _time, "when it began"),
        _column("offset_ns", pa.int64(), "its start, counted from the start of the run"),
        _column("wall_ns", pa.int64(), "wall time"),
        _column("self_ns", pa.int64(), "wall time during which no stage inside of it was open; null: all of it"),
        _column(
            "paused_ns",
            pa.int64(),
            "time inside of it during which it did not run, as a generator between items; null: 0",
        ),
        _column("cpu_ns", pa.int64(), "CPU time of the thread that ran it"),
        _column("process_cpu_ns", pa.int64(), "CPU time of the process meanwhile"),
        _column("gpu_ns", pa.int64(), "time between CUDA events at its edges"),
        _column("rss_before", pa.int64(), "resident bytes of the process before"),
        _column("rss_after", pa.int64(), "resident bytes after"),
        _column("rss_peak", pa.int64(), "highest resident bytes meanwhile"),
        _column("peak_exact", pa.bool_(), "whether the kernel told the peak; false: a sampler did"),
        _column("minor_faults", pa.int64(), "minor page faults"),
        _column("voluntary_switches", pa.int64(), "times the thread waited"),
        _column("involuntary_switches", pa.int64(), "times the thread was preempted"),
        _column("read_bytes", pa.int64(), "bytes through read calls of the process, cache included"),
        _column("written_bytes", pa.int64(), "bytes through write calls"),
        _column("gpu_before", pa.int64(), "bytes that the torch allocator holds in tensors before"),
        _column("gpu_after", pa.int64(), "the same after"),
        _column("gpu_peak", pa.int64(), "highest meanwhile"),
        _column("gpu_reserved", pa.int64(), "highest that the allocator took from the device meanwhile"),
        _column("error", _name, "type of the exception that left it; crashed, unfinished: it never ended"),
    ]
)

ACCURACY = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("dataset", _name, "golden dataset"),
        _column("stage", _name, "labelled stage"),
        _column("task", _name, "classes, boxes, semantic, points, ..."),
        _column("metric", _name, "name of the metric"),
        _column("value", pa.float64(), "null where it is not defined on this data"),
        _column("headline", pa.bool_(), "the metric that is compared with the baseline"),
    ]
)

SUBSETS = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("stage", _name, "labelled stage"),
        _column("kind", _name, "class, tag"),
        _column("name", _name, "the class, or the tag, that the figure is of"),
        _column("metric", _name, "name of the metric"),
        _column("value", pa.float64(), "null where it is not defined on this data"),
    ]
)

OUTCOMES = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("dataset", _name, "golden dataset"),
        _column("stage", _name, "labelled stage"),
        _column("sample_id", _name, "sample"),
        _column("task", _name, "classes, boxes, semantic, points, ..."),
        _column("status", _name, "correct, wrong, invalid, unlabeled"),
        _column("error_type", _name, "kind of error"),
        _column("score", pa.float64(), "1 is best"),
        _column("reason", _text, "one sentence"),
        _column("input_path", _name, "input file"),
        _column("label_digest", _text, "digest of this sample's label"),
        _column("input_digest", _text, "digest of this sample's input"),
        _column("tags", pa.list_(pa.string()), "tags of the sample"),
        _column("severity", pa.float64(), "0 harmless to 1, of the worst error"),
        _column("measures", _text, "figures of this sample by name, as JSON"),
        _column("errors", _text, "the errors, worst first, as JSON"),
        _column("missed", pa.list_(pa.string()), "objects not found: class x1 y1 x2 y2, pixels"),
        _column("false_positives", pa.list_(pa.string()), "predictions without an object, written alike"),
        _column(
            "artifacts", pa.list_(pa.string()), "saved outputs of this sample and stage, paths in the output folder"
        ),
    ]
)

MEASURES = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("kind", _name, "gauge, count, external"),
        _column("name", _name, "name of the gauge, counter or service"),
        _column("value", pa.float64(), "a gauge's reading; what is added to a counter; nanoseconds of a wait"),
        _column("stage", _name, "stage that was open"),
        _column("span_id", pa.int64(), "span that was open"),
        _column("sample_id", _name, "sample"),
        _column("pass_index", pa.int32(), "0-based pass over the samples"),
        _column("warmup", pa.bool_(), "not counted"),
        _column("at_us", _time, "when"),
    ]
)

OUTPUTS = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("stage", _name, "stage that handed it over"),
        _column("sample_id", _name, "sample"),
        _column("kind", _name, "array, tensor, image, table, text, number, list, dict, none, object"),
        _column(
            "digest",
            _text,
            "equal for equal values on every machine; null where nothing stable or too much is offered",
        ),
        _column("shape", pa.list_(pa.int64()), "shape, of what has one"),
        _column("dtype", _name, "type of the numbers"),
        _column("size_bytes", pa.int64(), "bytes of the value"),
        _column("low", pa.float64(), "smallest finite number"),
        _column("high", pa.float64(), "largest finite number"),
        _column("mean", pa.float64(), "mean of the finite numbers"),
        _column("invalid", pa.int64(), "how many are NaN or infinite"),
        _column("text", _text, "one line for people"),
    ]
)

LEAKS = pa.schema(
    [
        _column("run_id", _text, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("resource", _name, "cpu, gpu"),
        _column("kb_per_sample", pa.float64(), "how memory moves from sample to sample, in kB (10^3 bytes)"),
        _column("low", pa.float64(), "lower end of its 99 % interval"),
        _column("high", pa.float64(), "upper end"),
        _column("points", pa.int64(), "samples it rests on"),
        _column("found", pa.bool_(), "whether it is surely above zero"),
        _column("stage", _name, "stage that grows most, if one does"),
    ]
)

GPU = pa.schema(
    [
        _column("run_id", _name, "run"),
        _column("test_id", _name, "pytest node ID"),
        _column("at_us", _time, "when the driver was asked"),
        _column("utilisation", pa.float64(), "0 to 1"),
        _column("memory_used", pa.int64(), "bytes in use on the device, by all processes"),
        _column("process_memory", pa.int64(), "bytes of this process"),
        _column("sm_clock_mhz", pa.int64(), "clock of the multiprocessors"),
        _column("temperature_c", pa.int64(), "degrees Celsius"),
        _column("throttled", pa.list_(pa.string()), "reasons that make it slower than its clocks would allow"),
    ]
)

DECISIONS = pa.schema(
    [
        _column("run_id", _text, "run that somebody decided on"),
        _column("accepted", pa.bool_(), "whether it serves as a baseline from now on; null: nothing is said of that"),
        _column("decided_at", _time, "when; the latest decision holds"),
        _column("pinned", pa.bool_(), "whether no clean-up may take it; null: nothing is said of that"),
    ]
)

TABLES: dict[str, pa.Schema] = {
    "runs": RUNS,
    "stages": STAGES,
    "spans": SPANS,
    "accuracy": ACCURACY,
    "subsets": SUBSETS,
    "outcomes": OUTCOMES,
    "measures": MEASURES,
    "outputs": OUTPUTS,
    "leaks": LEAKS,
    "gpu": GPU,
    "decisions": DECISIONS,
}
