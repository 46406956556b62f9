"""Tables as Parquet, which keeps the types of the columns; as CSV where the name asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

import pyarrow as pa

from pytest_vizart.audit.artifacts.registry import CannotWriteError, Encoded, Wish


def encode_arrow(value: Any, wish: Wish) -> Encoded:
    if wish.suffix == ".csv":
        return Encoded(".csv", lambda file: _refusing(lambda: _write_csv(value, file)))
    return Encoded(".parquet", lambda file: _refusing(lambda: _write_parquet(value, file)))


def encode_batch(value: Any, wish: Wish) -> Encoded:
    return encode_arrow(pa.Table.from_batches([value]), wish)


def encode_pandas(value: Any, wish: Wish) -> Encoded:
    return encode_arrow(_refusing(lambda: pa.Table.from_pandas(value)), wish)


def encode_pandas_column(value: Any, wish: Wish) -> Encoded:
    return encode_pandas(value.to_frame(value.name if isinstance(value.name, str) else "value"), wish)


def encode_polars(value: Any, wish: Wish) -> Encoded:
    return encode_arrow(_refusing(value.to_arrow), wish)


def encode_polars_column(value: Any, wish: Wish) -> Encoded:
    return encode_polars(value.to_frame(), wish)


def encode_rows(value: Sequence[dict[str, Any]], wish: Wish) -> Encoded:
    return encode_arrow(_refusing(lambda: pa.Table.from_pylist(list(value))), wish)


def _write_parquet(table: Any, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file, compression="zstd")


def _write_csv(table: Any, file: IO[bytes]) -> None:
    from pyarrow import csv

    csv.write_csv(table, file)


def _refusing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise CannotWriteError(f"a table that Arrow cannot write: {error}") from error
