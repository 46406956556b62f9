"""Checks of compressed LAS points: the decompressor allocates what a file claims, and ends the process where it cannot.

Layout as in LASzip (Isenburg, 2013). At the beginning of the points stands the place of a table of chunks. A chunk of
the layered compressor, which point formats from 6 on use, begins with one raw point, the number of its points, and the
sizes of its layers, all of which are read at once.
"""

from __future__ import annotations

import struct

_LAYERED = 3
_VARYING_CHUNKS = 0xFFFFFFFF
_ITEMS_AT = 34  # in the record that describes the compression
_LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}  # by type of item: point, RGB, RGB and infrared, wave packet
_EXTRA_BYTES = 14  # a layer for each byte


def require_sound_chunks(content: bytes, record: bytes, data_start: int, points: int, point_bytes: int) -> None:
    """Raise ValueError where chunks claim more than there is.

    Args:
        record: data of the file's LASzip record.
        data_start: where the points begin.
        points: number of points that the header announces, `point_bytes` each.
    """
    table = _table_place(content, data_start)
    chunks = _number(content, "<I", table + 4)
    if chunks > points + 1:
        raise ValueError(f"{chunks} chunks for {points} points")
    compressor, chunk_points = _number(record, "<H", 0), _number(record, "<I", 12)
    items = [struct.unpack_from("<HH", record, at) for at in range(_ITEMS_AT, len(record) - 5, 6)]
    if sum(size for _, size in items) != point_bytes:
        raise ValueError(f"points of {sum(size for _, size in items)} bytes where {point_bytes} are announced")
    if compressor != _LAYERED:
        return
    if chunk_points in (0, _VARYING_CHUNKS):
        raise ValueError("chunks of varying numbers of points, which are not read: save the cloud as LAS")
    layers = sum(size if kind == _EXTRA_BYTES else _LAYERS.get(kind, 0) for kind, size in items)
    at = data_start + 8
    for first in range(0, points, chunk_points):
        sizes = content[at + point_bytes + 4 : at + point_bytes + 4 + 4 * layers]
        at += point_bytes + 4 + 4 * layers + sum(struct.unpack(f"<{len(sizes) // 4}I", sizes[: len(sizes) // 4 * 4]))
        if at > table:
            raise ValueError(f"the chunk of point {first} ends behind the table of chunks")


def _table_place(content: bytes, data_start: int) -> int:
    """A writer that could not go back put -1 at the beginning and the table's place into the last 8 bytes."""
    place = _number(content, "<q", data_start)
    if place == -1:
        place = _number(content, "<q", len(content) - 8)
    if not data_start < place <= len(content) - 8:
        raise ValueError("no table of chunks in the file")
    return place


def _number(content: bytes, form: str, at: int) -> int:
    if at < 0 or at + struct.calcsize(form) > len(content):
        raise ValueError(f"the file ends before byte {at + struct.calcsize(form)}")
    return int(struct.unpack_from(form, content, at)[0])
