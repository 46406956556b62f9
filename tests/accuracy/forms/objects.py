"""One object as each task with objects has it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pytest_vizart.accuracy.geometry.masks import encode
from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners
from tests.accuracy.forms.tensors import Tensor

SIZE = (6, 8)
MASK = np.zeros((1, *SIZE), dtype=bool)
MASK[0, 1:4, 2:6] = True
RLE = {"size": list(SIZE), "counts": encode(MASK)[0]}
RING = [2.0, 1.0, 6.0, 1.0, 6.0, 4.0, 2.0, 4.0]
AROUND = [2.0, 1.0, 6.0, 4.0]
POINTS = np.array([[[1.0, 2.0, 0.5], [3.0, 5.0, 1.0]]])
TURNED = [10.0, 20.0, 6.0, 2.0, 0.5]
CORNERS = rectangle_corners(np.array([TURNED]))
CUBOID = [1.0, 2.0, 3.0, 4.0, 2.0, 1.5, 0.5]

CORNER_BOXES = SimpleNamespace(xyxy=Tensor([AROUND]), conf=Tensor([0.5]), cls=Tensor([1.0]))
OBB = SimpleNamespace(xywhr=Tensor([TURNED]), xyxyxyxy=Tensor(CORNERS), conf=Tensor([0.5]), cls=Tensor([1.0]))
