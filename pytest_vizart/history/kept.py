"""Which runs of a session stand in the history already."""

from __future__ import annotations

from pytest_vizart.history.names import SUFFIX, parse_name, session_in_name
from pytest_vizart.history.parquet_file import DAMAGED, open_parquet
from pytest_vizart.storage.store import Store


def kept_run_ids(store: Store, session_id: str) -> dict[str, set[str]]:
    """Return the IDs of the session's runs by the stem of the file that holds them; damaged files hold none.

    Runs in compacted files are not found: a session is not compacted while its journal stands.

    Raises:
        OSError: it cannot be read now.
    """
    found: dict[str, set[str]] = {}
    for entry in store.files("metrics/runs"):
        if parse_name(entry.base_name).session == session_in_name(session_id):
            try:
                with store.open(entry.name) as source, open_parquet(source, remote=store.local is None) as file:
                    ids = file.read(columns=["run_id"])["run_id"].to_pylist()
            except FileNotFoundError:
                continue
            except DAMAGED as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                continue  # pyarrow's own error of a damaged file
            found[entry.base_name.removesuffix(SUFFIX)] = set(ids)
    return found
