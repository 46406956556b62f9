"""Files of a dataset: kept inside its folder, bounded in size, digested. What they say is hostile until checked."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path, PurePosixPath, PureWindowsPath

from pytest_vizart.errors import GoldenFormatError

MAX_LABEL_FILE_BYTES = 2_000_000_000
"""Label files and clouds above this are refused: they would not fit into memory once parsed."""

_LFS_HEAD = b"version https://git-lfs.github.com/spec/"
_WHOLE_BELOW_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16
_BLOCKS = 16


def resolve_inside(root: Path, relative: str, *, file: Path, place: str) -> Path:
    """Return the absolute path of `relative` in the dataset.

    Raises:
        GoldenFormatError: it is empty, absolute, has a `..` or a backslash, or leads out of `root` by a symbolic link.
    """
    pure = PurePosixPath(relative)
    leads_out = pure.is_absolute() or ".." in pure.parts or bool(PureWindowsPath(relative).drive)
    if not relative or "\\" in relative or "\0" in relative or leads_out:
        raise GoldenFormatError(
            "path does not stay inside the dataset",
            file=file,
            place=place,
            expected="a path relative to the dataset's folder, with / between its parts and without ..",
            found=relative,
            hint="move the file into the dataset's folder",
        )
    path = root / relative
    require_inside(root, [path], file=file, place=place)
    return path


def is_file(path: Path) -> bool:
    """Whether it is a regular file; a name that no file can have, too long or no text, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder; a name that no folder can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def require_inside(root: Path, paths: Iterable[Path], *, file: Path, place: str) -> None:
    """Raise GoldenFormatError if one of the paths, symbolic links followed, lies outside of `root`."""
    real_root = root.resolve()
    for path in paths:
        try:
            inside = path.resolve().is_relative_to(real_root)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a loop of links, up to Python 3.12
            inside = False
        if not inside:
            raise GoldenFormatError(
                "a symbolic link leads out of the dataset",
                file=file,
                place=place,
                expected=f"files under {real_root}",
                found=str(path),
                hint="copy the file into the dataset instead of linking to it",
            )


def read_bytes(path: Path, *, limit: int = MAX_LABEL_FILE_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises:
        GoldenFormatError: it is absent, no regular file, unreadable, larger than `limit`, or a Git LFS pointer.
    """
    require_regular(path, limit=limit)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    refuse_lfs_pointer(content[:64], path)
    return content


def read_text(path: Path, *, limit: int = MAX_LABEL_FILE_BYTES) -> str:
    """Return the text of a file in UTF-8, its byte order mark left out; errors as of `read_bytes`, `decoded`."""
    return decoded(read_bytes(path, limit=limit), path)


def decoded(content: bytes, path: Path) -> str:
    """Return text in UTF-8, its byte order mark left out; GoldenFormatError, with the line, where it is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error, error.object.count(b"\n", 0, error.start) + 1) from error


def not_utf8(path: Path, error: UnicodeDecodeError, line: int | None = None) -> GoldenFormatError:
    """Return the error of a file that is no text in UTF-8."""
    return GoldenFormatError(
        "not UTF-8 text",
        file=path,
        place=None if line is None else f"line {line}",
        expected="text in UTF-8",
        found=str(error),
        hint="is it a text file? save it as UTF-8",
    )


def require_regular(path: Path, *, limit: int) -> int:
    """Return the size of a regular file in bytes; GoldenFormatError if it is none, or larger than `limit`."""
    try:
        size = path.stat().st_size
        regular = path.is_file()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not regular:
        raise GoldenFormatError(
            "not a regular file",
            file=path,
            expected="a file",
            found="a folder" if is_folder(path) else "a device or the like",
            hint="check the path",
        )
    if size > limit:
        raise GoldenFormatError(
            "file is too large",
            file=path,
            expected=f"at most {limit:,} bytes",
            found=f"{size:,} bytes",
            hint="split it",
        )
    return size


def refuse_lfs_pointer(head: bytes, path: Path) -> None:
    """Raise GoldenFormatError if the first bytes of a file are those of a Git LFS pointer."""
    if head.startswith(_LFS_HEAD):
        raise GoldenFormatError(
            "the file is a Git LFS pointer, its content was not fetched",
            file=path,
            place="line 1",
            expected="the content itself",
            found=head.decode("ascii", "replace").splitlines()[0],
            hint="run `git lfs pull`",
        )


def content_digest(path: Path, *, sampled: bool = True) -> str:
    """Return 32 hex digits that tell the file's content.

    Up to 1 MiB all of it; above, where `sampled`, its size and 16 evenly spaced blocks of 64 KiB, the first and the
    last included, so that a dataset with large inputs is digested at the speed of opening its files.
    """
    size = require_regular(path, limit=1 << 62)
    digest = blake2b(digest_size=16)
    try:
        with path.open("rb") as stream:
            if size <= _WHOLE_BELOW_BYTES or not sampled:
                while chunk := stream.read(_WHOLE_BELOW_BYTES):
                    digest.update(chunk)
            else:
                digest.update(size.to_bytes(8, "little"))
                for block in range(_BLOCKS):
                    stream.seek((size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
                    digest.update(stream.read(_BLOCK_BYTES))
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def unreadable(path: Path, error: Exception) -> GoldenFormatError:
    """Return the error of a file that the system does not let us read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return GoldenFormatError(
        "file cannot be read",
        file=path,
        expected="a file that may be read",
        found=reason,
        hint="check that it exists, and who may read it",
    )
