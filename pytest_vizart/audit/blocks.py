"""Log files as blocks of whole lines, from their beginning or from their end, plain or compressed, in any store."""

from __future__ import annotations

import io
import os
import time
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pytest_vizart.audit.log_names import FOLDER, LogName
from pytest_vizart.storage.store import Store

_BLOCK_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 16
_LONGEST_LINE = 1 << 26
_GRACE_S = 0.02


@dataclass(slots=True)
class Block:
    """Whole lines: the first `size` bytes of `data`, which is only valid until the next block is asked for.

    `offset`: where they begin in the file, uncompressed. `problem`: what is wrong with what comes after them.
    """

    data: bytes | bytearray
    size: int
    offset: int
    problem: str | None = None


def read_blocks(store: Store, name: LogName, *, backward: bool = False) -> Generator[Block, None, None]:
    """Yield a file's lines. Raises OSError, FileNotFoundError if it was renamed or deleted meanwhile.

    A plain file in a folder is read backward from its end; else that is all of it turned around.
    """
    path = f"{FOLDER}/{name}"
    if store.local is not None and not name.compressed:
        with (store.local / path).open("rb", buffering=0) as file:
            yield from _backward(file) if backward else _forward(file)
        return
    with _opened(store, path) as file:
        chunks = _inflated(file) if name.compressed else iter(lambda: file.read(_CHUNK_BYTES), b"")
        blocks = _whole_lines(chunks)
        yield from reversed(list(blocks)) if backward else blocks


def _opened(store: Store, path: str) -> BinaryIO:
    return io.BytesIO(store.read(path)) if store.local is None else Path(store.local, path).open("rb")


def _forward(file: io.FileIO) -> Iterator[Block]:
    """One buffer for all blocks: what is searched then stays in the processor's cache, twice as fast as a mapping."""
    buffer, offset = bytearray(_BLOCK_BYTES), 0
    while True:
        file.seek(offset)
        got = file.readinto(buffer) or 0
        end = buffer.rfind(b"\n", 0, got) + 1
        if end:
            yield Block(buffer, end, offset)
            offset += end
        elif got == len(buffer) < _LONGEST_LINE:
            buffer = bytearray(2 * len(buffer))
        elif got == len(buffer):
            offset = yield from _past_giant(file, offset)
        else:
            break
    if got:
        yield _last(file, offset)


def _past_giant(file: io.FileIO, offset: int) -> Generator[Block, None, int]:
    """Skip a line that is larger than anything that was ever written here; returns where the next one begins."""
    yield Block(b"", 0, offset, "a line of more than 64 MB")
    file.seek(offset)
    while chunk := file.read(_BLOCK_BYTES):
        end = chunk.find(b"\n") + 1
        if end:
            return offset + end
        offset += len(chunk)
    return offset


def _last(file: io.FileIO, offset: int) -> Block:
    """What stands behind the last line's end: a line without an end, or one that is just being written."""
    for wait_s in (0, _GRACE_S):
        time.sleep(wait_s)
        file.seek(offset)
        tail = file.read()
        if tail.endswith(b"\n") or _is_whole(tail):
            break
    return Block(tail, len(tail), offset)


def _is_whole(tail: bytes) -> bool:
    return tail.rstrip().endswith(b"}")


def _backward(file: io.FileIO) -> Iterator[Block]:
    end, window = os.fstat(file.fileno()).st_size, _BLOCK_BYTES
    while end:
        start = max(end - window, 0)
        file.seek(start)
        data = file.read(end - start)
        first = data.find(b"\n", 0, len(data) - 1) + 1 if start else 0
        if start and not first and window < _LONGEST_LINE:
            window *= 2
            continue
        yield Block(data[first:], len(data) - first, start + first)
        end, window = start + first, _BLOCK_BYTES
        if start and not first:  # the middle of a giant
            end = start


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[Block]:
    offset, tail, problem = 0, b"", None
    pieces: list[bytes] = []
    try:
        for chunk in chunks:
            end = chunk.rfind(b"\n") + 1
            if not end:
                pieces.append(chunk)
                continue
            data = b"".join((*pieces, chunk[:end]))
            pieces = [chunk[end:]]
            yield Block(data, len(data), offset)
            offset += len(data)
    except (EOFError, zlib.error) as error:
        problem = f"it is damaged ({error})"
    tail = b"".join(pieces)
    if tail and problem is None:
        yield Block(tail, len(tail), offset)
    elif problem is not None:
        yield Block(b"", 0, offset, problem)


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    """The uncompressed bytes, in pieces of bounded size whatever the file says of itself."""
    inflater = zlib.decompressobj(31)
    begun = False
    while chunk := file.read(_CHUNK_BYTES):
        while chunk:
            begun = True
            yield inflater.decompress(chunk, _BLOCK_BYTES)
            chunk = inflater.unconsumed_tail
            if inflater.eof:
                chunk, begun, inflater = inflater.unused_data, False, zlib.decompressobj(31)
    if begun:
        yield inflater.flush()
        if not inflater.eof:
            raise EOFError("its end is missing")
