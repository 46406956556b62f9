from __future__ import annotations

import shlex

import pytest

from pytest_vizart.workflow.hiding import command_line, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/x", "s3://bucket/x"),
        ("https://me:PASS@host/x?region=eu&sig=HUSH", "https://***@host/x?region=eu&sig=***"),
        ("https://[half", "https://***"),
    ],
)
def test_secrets_of_urls_are_hidden(url: str, shown: str) -> None:
    assert without_secrets(f"see {url} there") == f"see {shown} there"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--api-key=HUSH", "x"], ["--api-key=***", "x"]),
        (["--hf-token", "HUSH", "x"], ["--hf-token", "***", "x"]),
        (["--token", "-v"], ["--token", "-v"]),
        (["--token="], ["--token="]),
        (["-o", "db_password=a=b c\nd"], ["-o", "db_password=***"]),
        (["AWS_SECRET_ACCESS_KEY=HUSH"], ["AWS_SECRET_ACCESS_KEY=***"]),
        (["--db-pwd", "HUSH", "--auth=HUSH"], ["--db-pwd", "***", "--auth=***"]),
        (["AUTH=HUSH", "--session-key=HUSH"], ["AUTH=***", "--session-key=***"]),
        (["--apikey=s3://HUSH"], ["--apikey=***"]),
        (["--out=s3://k:HUSH@b/x"], ["--out=s3://***@b/x"]),
    ],
)
def test_values_whose_names_say_that_they_are_secret_are_hidden(words: list[str], shown: list[str]) -> None:
    assert shlex.split(command_line(["pytest", *words])) == ["pytest", *shown]


@pytest.mark.parametrize(
    "word",
    [
        "--max-tokens=5",
        "--tokenizer=bpe",
        "--sort-key=x",
        "--author=me",
        "--no-auth",
        "--compwd=x",
        "tests/test_token.py",
        "t.py::test_x[token=1]",
        "-ktoken",
        "",
    ],
)
def test_what_only_sounds_like_it_is_told(word: str) -> None:
    assert shlex.split(command_line([word, "next"])) == [word, "next"]
