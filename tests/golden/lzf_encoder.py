"""An LZF compressor, simple and slow, to make test files with."""

from __future__ import annotations

_LONGEST = 264
_FARTHEST = 8192


def compress(data: bytes) -> bytes:
    out, literals, place = bytearray(), bytearray(), 0
    seen: dict[bytes, int] = {}

    def flush() -> None:
        for start in range(0, len(literals), 32):
            piece = literals[start : start + 32]
            out.append(len(piece) - 1)
            out.extend(piece)
        literals.clear()

    while place < len(data):
        key = data[place : place + 3]
        at = seen.get(key)
        seen[key] = place
        if at is None or len(key) < 3 or place - at > _FARTHEST:
            literals.append(data[place])
            place += 1
            continue
        length = 3
        while length < _LONGEST and place + length < len(data) and data[at + length] == data[place + length]:
            length += 1
        flush()
        back = place - at - 1
        if length - 2 < 7:
            out.append((length - 2) << 5 | back >> 8)
        else:
            out.extend((7 << 5 | back >> 8, length - 9))
        out.append(back & 255)
        place += length
    flush()
    return bytes(out)
