"""Every metric that a stage can be measured by: its direction and its unit, without importing what computes it.

What the metrics themselves say (`info`, and the names in their summaries) is held against these tables by a test.
"""

from __future__ import annotations

from pytest_vizart.records.score import Direction, MetricInfo

_SHARE = MetricInfo()

_SHARES = (
    "accuracy", "average_precision", "best_f1", "best_f1_threshold", "boundary_iou", "exact_match", "f1", "f1_micro",
    "f1_weighted", "fscore", "fw_iou", "map", "map_3d_50", "map_3d_70", "map_50", "map_75", "map_bev_50", "map_bev_70",
    "map_distance", "map_distance_0_5m", "map_distance_1m", "map_distance_2m", "map_distance_4m", "map_large",
    "map_medium", "map_small", "mar_1", "mar_10", "mar_100", "mar_large", "mar_medium", "mar_small", "matching",
    "mean_accuracy", "mean_iou", "oks_map", "oks_map_50", "oks_map_75", "oks_map_large", "oks_map_medium", "oks_mar",
    "oks_mar_50", "oks_mar_75", "oks_mar_large", "oks_mar_medium", "pixel_accuracy", "pq", "pq_stuff", "pq_things",
    "precision", "precision_micro", "precision_weighted", "recall", "recall_micro", "recall_weighted", "roc_auc", "rq",
    "rq_stuff", "rq_things", "sq", "sq_stuff", "sq_things", "ssim", "top_3", "top_5", "voc_map", "voc_map_11",
)  # fmt: skip

_METRES = ("chamfer", "distance_max", "distance_mean", "distance_p95", "hausdorff", "mate")

_LOWER = (
    "cer", "ece", "log_loss", "mase", "max_abs_difference", "max_abs_error", "max_rel_error", "mean_abs_difference",
    "rmse", "wer",
)  # fmt: skip

METRICS: dict[str, MetricInfo] = {
    **dict.fromkeys(_SHARES, _SHARE),
    **dict.fromkeys(_METRES, MetricInfo("lower", "m")),
    **dict.fromkeys(_LOWER, MetricInfo("lower")),
    "maoe": MetricInfo("lower", "rad"),
    "psnr_db": MetricInfo("higher", "dB"),
}

_CLASS_SHARES = (
    "ap", "ap_3d_50", "ap_3d_70", "ap_50", "ap_75", "ap_bev_50", "ap_bev_70", "ap_distance", "ap_distance_0_5m",
    "ap_distance_1m", "ap_distance_2m", "ap_distance_4m", "average_precision", "best_f1", "best_f1_threshold",
    "boundary_iou", "f1", "iou", "pq", "precision", "recall", "roc_auc", "rq", "sq",
)  # fmt: skip

CLASS_METRICS: dict[str, MetricInfo] = {
    **dict.fromkeys(_CLASS_SHARES, _SHARE),
    **dict.fromkeys(("objects", "predictions", "support"), MetricInfo("higher", "count")),
    "ate": MetricInfo("lower", "m"),
    "ase": MetricInfo("lower"),
    "aoe": MetricInfo("lower", "rad"),
}
"""Metrics that are measured of a class."""

_ROUNDING = 1e-12


def beyond(value: float, limit: float, direction: Direction) -> bool:
    """Tell whether a value is on the wrong side of a limit, by more than rounding.

    COCO's precision is hits / (hits + others + 2.2e-16): the mean of perfect detections is 0.9999999999999998.
    """
    slack = _ROUNDING * max(1.0, abs(limit))
    return value < limit - slack if direction == "higher" else value > limit + slack
