"""COCO files (Lin et al., 2014): boxes, instance masks, keypoints, panoptic segments, semantic masks of all objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.coco_background import with_background
from pytest_vizart.golden.formats.coco_file import CocoFile, CocoImage, contradiction, read_coco
from pytest_vizart.golden.formats.coco_keypoints import (
    Bones,
    counts_for_nothing,
    keypoint_count,
    keypoint_names,
    read_keypoints,
    require_bounded,
    skeleton,
)
from pytest_vizart.golden.formats.coco_masks import Canvas, MaskShape, encode_mask, image_size, mask_shapes
from pytest_vizart.golden.formats.coco_panoptic import read_panoptic, segment_file, with_things
from pytest_vizart.golden.formats.coco_values import is_crowd, read_area, read_box, shown
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.polygons import MaskEncoder
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import (
    IGNORE,
    BoxLabels,
    ClassMap,
    InstanceLabels,
    KeypointLabels,
    Label,
    PanopticLabels,
    SemanticLabels,
    Task,
)

Row = tuple[str, dict[str, Any]]  # an annotation with its place in the file


class CocoReader:
    """Reads a COCO file; a sample whose image is not in it is unlabeled, one without annotations has no objects.

    Classes are matched by name. As in COCO's own evaluation `ignore` is not read; `iscrowd` is.

    Semantic masks: class index 0 is the background, with ID 0. With `ignore: 0` in the manifest what no annotation
    covers has no label instead, and there is no background; with the ID of a category its pixels have none.

    Keypoints: an object without a labelled one is `ignored`; its area is that of its box where the file gives none.
    Panoptic: a sample without an annotation is unlabeled; the PNG files lie in the manifest's `masks`, or in the folder
    beside the file that is called like it.
    """

    tasks: tuple[Task, ...] = ("boxes", "instances", "keypoints", "semantic", "panoptic")
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = source.only_path()
        self._classes: ClassMap | None = None
        self._images: dict[str, list[CocoImage]] | None = None
        self._ambiguous: dict[str, CocoImage] = {}  # sample ID -> an image whose bare name other samples have too
        self._keypoint_count: int | None = None
        self._index_of_name: dict[str, int] | None = None

    def classes(self) -> ClassMap:
        if self._classes is None:
            given = self._source.classes or self._file().class_map()
            if self._source.entry.task == "semantic" and self._source.entry.ignore != 0:
                given = with_background(given, self._source.manifest)
            self._classes = with_things(given, self._file()) if self._source.entry.task == "panoptic" else given
        return self._classes

    def keypoints(self) -> tuple[tuple[str, ...], Bones]:
        """Return names of the keypoints and pairs of their positions: the manifest's or else the file's, () for none.

        Raises:
            GoldenFormatError: the file's are wrong, or the manifest names another number of them.
        """
        file = self._file()
        entry = self._source.entry
        own = keypoint_names(file)
        count = keypoint_count(file, own)
        if entry.keypoints and len(entry.keypoints) != count:
            raise GoldenFormatError(
                "the manifest names another number of keypoints",
                file=self._source.manifest,
                place=f"{self._source.place}.keypoints",
                expected=f"{count} names, as many as {self._path.name} has keypoints",
                found=f"{len(entry.keypoints)} names",
                hint="correct the list, or leave it out to take the names of the file",
            )
        bones = tuple(entry.skeleton) or skeleton(file, count)
        return tuple(entry.keypoints) or own, bones

    def read(self, key: SampleKey) -> Label | None:
        image = self._image(key)
        return None if image is None else _READERS[self._source.entry.task](self, self._file(), image)

    def _image(self, key: SampleKey) -> CocoImage | None:
        if self._images is None:
            file = self._file()
            self._require_agreement(file)
            self._images = self._images_by_sample(file)
        images = self._images.get(key.id, [])
        if not images and key.id in self._ambiguous:
            raise self._fits_several(key)
        if len(images) > 1:
            raise GoldenFormatError(
                "several images for one sample",
                file=self._path,
                place=f"{images[1].place}.file_name",
                expected=f"one image for sample {key.id}",
                found=", ".join(image.file_name for image in images[:12]),
                hint="write file_name relative to the dataset's folder",
            )
        return images[0] if images else None

    def _require_agreement(self, file: CocoFile) -> None:
        found = None if self._source.classes is None else contradiction(file, self._source.classes)
        if found is not None:
            raise GoldenFormatError(
                "class IDs contradict each other",
                file=self._path,
                place="categories",
                expected=f"the IDs of {self._source.manifest.name}",
                found=found,
                hint="correct `classes` in the manifest, or leave it out to take those of the file",
            )

    def _boxes(self, file: CocoFile, image: CocoImage) -> BoxLabels:
        return self._objects(file, file.annotations_of(image), ())

    def _objects(
        self, file: CocoFile, rows: Sequence[Row], masks: Sequence[MaskShape], ignored: Sequence[bool] = ()
    ) -> BoxLabels:
        """Return the columns of annotations; box and area are those of the mask, if there is one, where not given."""
        boxes, areas = [], []
        for number, (place, row) in enumerate(rows):
            from_mask = masks[number] if masks and "bbox" not in row else None
            box, extent = (from_mask.box, from_mask.extent) if from_mask else read_box(row, place, self._path)
            boxes.append((*box, extent))
            areas.append(read_area(row, masks[number].area if masks else extent, place, self._path))
        columns = np.array(boxes, dtype=np.float64).reshape(-1, 5)
        return BoxLabels(
            boxes=columns[:, :4].copy(),
            class_index=np.array([self._class_index(file, row, place) for place, row in rows], dtype=np.int64),
            crowd=np.array([is_crowd(row, place, self._path) for place, row in rows], dtype=np.bool_),
            area=np.array(areas, dtype=np.float64),
            extent=columns[:, 4].copy(),
            ignored=np.array(ignored, dtype=np.bool_) if any(ignored) else None,
        )

    def _instances(self, file: CocoFile, image: CocoImage) -> InstanceLabels:
        size = image_size(image, self._path)
        rows = file.annotations_of(image)
        encoder = MaskEncoder(size, file=self._path)
        masks = tuple(encode_mask(row, size, place, self._path, encoder) for place, row in rows)
        return InstanceLabels(self._objects(file, rows, mask_shapes(masks, size)), masks, size)

    def _keypoints(self, file: CocoFile, image: CocoImage) -> KeypointLabels:
        if self._keypoint_count is None:
            self._keypoint_count = keypoint_count(file, self.keypoints()[0])
        count = self._keypoint_count
        rows = file.annotations_of(image)
        require_bounded(len(rows), count, image.place, self._path)
        points = [read_keypoints(row, count, place, self._path) for place, row in rows]
        ignored = [
            counts_for_nothing(row, one, place, self._path) for (place, row), one in zip(rows, points, strict=True)
        ]
        objects = self._objects(file, rows, (), ignored)
        return KeypointLabels(objects, np.array(points, dtype=np.float64).reshape(-1, count, 3))

    def _semantic(self, file: CocoFile, image: CocoImage) -> SemanticLabels:
        size = image_size(image, self._path)
        ignore = self._source.entry.ignore
        encoder, canvas = MaskEncoder(size, file=self._path), Canvas(size, IGNORE if ignore == 0 else 0)
        rows = [
            (is_crowd(row, place, self._path) and not file.all_crowd, place, row)
            for place, row in file.annotations_of(image)
        ]
        # Crowd regions first: what an instance says of a pixel is worth more than that it lies in a crowd.
        for crowd, place, row in sorted(rows, key=lambda one: not one[0]):
            index = self._class_index(file, row, place)
            left_out = crowd or (ignore is not None and row.get("category_id") == ignore)
            counts = encode_mask(row, size, place, self._path, encoder)
            canvas.paint(counts, IGNORE if left_out else index, place, self._path)
        return SemanticLabels(mask=canvas.mask)

    def _panoptic(self, file: CocoFile, image: CocoImage) -> PanopticLabels | None:
        rows = file.annotations_of(image)
        if len(rows) > 1:
            raise GoldenFormatError(
                "image has several annotations",
                file=self._path,
                place=rows[1][0],
                expected="one annotation, with all segments of the image",
                found=f"{len(rows)}, the first at {rows[0][0]}",
                hint="is this a file of panoptic labels?",
            )
        for place, row in rows:
            png = self._segment_file(row, place)
            return read_panoptic(png, row, image, self._class_index_of(file), place, self._path)
        return None

    def _segment_file(self, row: dict[str, Any], place: str) -> Path:
        entry = self._source.entry
        folder = entry.masks or str(PurePosixPath(entry.path).with_suffix(""))
        return segment_file(self._source.root, folder, row, place, self._path)

    def _class_index_of(self, file: CocoFile) -> Callable[[dict[str, Any], str], int]:
        return lambda row, place: self._class_index(file, row, place)

    def _class_index(self, file: CocoFile, row: dict[str, Any], place: str) -> int:
        name = file.category_name(row, place)
        index = self._find_class(name)
        if index is None:
            raise GoldenFormatError(
                "class is not in the manifest",
                file=self._path,
                place=f"{place}.category_id",
                expected=f"one of {shown(list(self.classes().names))}",
                found=name,
                hint="add it to `classes`, or leave `classes` out to take those of the file",
            )
        return index

    def _find_class(self, name: str) -> int | None:
        if self._index_of_name is None:
            self._index_of_name = {known: index for index, known in enumerate(self.classes().names)}
        return self._index_of_name.get(name)

    def _fits_several(self, key: SampleKey) -> GoldenFormatError:
        image = self._ambiguous[key.id]
        fitting = [other for other, found in self._ambiguous.items() if found is image]
        return GoldenFormatError(
            "an image's name fits several samples",
            file=self._path,
            place=f"{image.place}.file_name",
            expected="a path that tells them apart, relative to the dataset's folder",
            found=f"{image.file_name}, which is {', '.join(fitting[:5])}",
            hint="write file_name with its folder",
        )

    def _images_by_sample(self, file: CocoFile) -> dict[str, list[CocoImage]]:
        names = SampleNames(self._source.samples)
        exact: dict[str, list[CocoImage]] = {}
        loose: dict[str, list[CocoImage]] = {}
        for image in file.images:
            given = (image.file_name, image.url_name)
            sample_id = next(filter(None, map(names.exact, given)), None)
            bare = next(filter(None, map(names.by_file_name, given)), None)
            found, level = (sample_id, exact) if sample_id else (bare, loose)
            if found is not None:
                level.setdefault(found, []).append(image)
            else:
                self._ambiguous.update(dict.fromkeys(names.candidates(image.file_name), image))
        return loose | exact

    def _file(self) -> CocoFile:
        """The parsed file, or the error it gave: parsed once for all stages of the dataset that it labels."""
        return parsed_once(self._source.shared, ("coco", self._path), lambda: read_coco(self._path))


_READERS: dict[str, Callable[[CocoReader, CocoFile, CocoImage], Label | None]] = {
    "boxes": CocoReader._boxes,
    "instances": CocoReader._instances,
    "keypoints": CocoReader._keypoints,
    "semantic": CocoReader._semantic,
    "panoptic": CocoReader._panoptic,
}
