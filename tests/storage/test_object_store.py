"""An object store as a place to keep files, against a real S3 server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.storage import object_store
from pytest_vizart.storage.object_store import ObjectStore
from tests.storage.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as started:
        yield started


def test_what_is_written_is_there(server: S3Server) -> None:
    store = ObjectStore(server.url("files"))
    for name in ("a/one.bin", "a/b/two.bin", "a/.hidden", "c.bin"):
        store.write(name, name.encode())
    assert [entry.name for entry in store.files("a")] == ["a/one.bin"]
    assert [entry.name for entry in store.files("a", recursive=True)] == ["a/b/two.bin", "a/one.bin"]
    entry = store.files("")[0]
    assert (entry.name, entry.size_bytes) == ("c.bin", 5)
    assert abs((entry.modified_us or 0) / 1e6 - time.time()) < 600
    store.write("a/one.bin", memoryview(b"x" * 100_000))
    assert store.read("a/one.bin") == b"x" * 100_000
    with store.open("a/one.bin") as file:
        file.seek(99_999)
        assert file.read() == b"x"
    assert store.where("a/one.bin") == "s3://kept/files/a/one.bin"


def test_what_is_deleted_is_gone_and_what_is_absent_no_trouble(server: S3Server) -> None:
    store = ObjectStore(server.url("deleted"))
    names = [f"a/{number}" for number in range(20)]
    for name in names:
        store.write(name, b"1")
    store.delete([*names[:18], "a/absent"])
    store.delete([names[18]])
    assert [entry.name for entry in store.files("a")] == ["a/19"]
    store.delete_folder("a")
    store.delete_folder("absent")
    assert store.files("a") == store.files("absent") == []
    with pytest.raises(FileNotFoundError):
        store.read("a/19")
    with pytest.raises(FileNotFoundError):
        store.open("a/19")


def test_a_bucket_that_is_not_there_is_told(server: S3Server) -> None:
    store = ObjectStore(server.url("x", bucket="absent"))
    with pytest.raises(OSError, match="no bucket absent"):
        store.files("a")
    with pytest.raises(OSError, match="absent"):
        store.write("a", b"1")


@pytest.mark.parametrize("action", [lambda store: store.files("a"), lambda store: store.write("a", b"1"),
                                    lambda store: store.read("a"), lambda store: store.delete(["a", "b"])])  # fmt: skip
def test_a_server_that_is_gone_is_given_up_soon(server: S3Server, action: object) -> None:
    url = server.url("x").replace(f":{server.port}", ":9")
    store = ObjectStore(f"{url}&connect_timeout=1")
    begun = time.monotonic()
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        action(store)  # type: ignore[operator]
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("url", ["s3://kept/x?colour=red", "s3://kept/x?connect_timeout=soon", "s3://", "ftp://a/b"])
def test_urls_that_name_nothing_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        ObjectStore(url)


def test_google_is_not_asked_for_a_quarter_of_an_hour() -> None:
    assert str(ObjectStore("gs://anonymous@kept/x")) == "gs://kept/x"
    assert str(ObjectStore("gs://anonymous@kept/x?retry_limit_seconds=5")) == "gs://kept/x"


def test_small_objects_take_one_request_each() -> None:
    told = object_store._opened("s3://bucket/x?region=eu-west-1")[0].__reduce__()[1][0]
    if "allow_delayed_open" not in told:
        pytest.skip("this pyarrow cannot")
    assert told["allow_delayed_open"] is True
    assert told["connect_timeout"] < 60
