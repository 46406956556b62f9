"""COCO's evaluation (Lin et al., 2014) over all images at once, equal to the last bit to pycocotools' COCOeval.

    columns       Objects, Detections, Pairs: what is there, what was predicted, and what resembles what
    edges         Boxes, box_pairs: candidate pairs with their IoU
    similarities  mask_pairs (segm), keypoint_pairs (OKS)
    ranking       detections sorted as COCO sorts them
    matching      match: who met whom at one threshold; match_all: at all thresholds and area ranges
    accumulate    precision and recall tables
    numbers       evaluate -> CocoNumbers: the 12 (keypoints: 10) numbers, per class, curves
    box_numbers   coco_numbers: the 12 numbers out of BoxLabels and BoxPredictions

    pairs = box_pairs(objects, detections, object_boxes, detection_boxes)
    numbers = evaluate(objects, detections, pairs, class_order=range(80))
    numbers.metrics["map"], numbers.per_class("map_50"), numbers.curve(3)
    table = match(objects, detections, pairs, 0.5)
    table.hit, table.object, table.similarity, table.excused

Positions (`image`, `class_index`, `Pairs.detection`, `Pairs.object`) count from 0. Objects and detections may come in
any order; where it matters (equal scores, equal similarities) the earlier detection and the later object go first,
images in the order of their positions, as pycocotools has it with images sorted by ID.

Departures from pycocotools, on purpose: an object whose annotation has ID 0 counts like any other (pycocotools takes it
for unmatched); annotation IDs that appear twice, NaN and infinite scores are refused by the readers; an object may be
`ignored` without being a crowd (pycocotools overwrites that flag for boxes and masks).
"""
