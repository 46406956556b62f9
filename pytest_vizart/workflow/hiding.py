"""Passwords and keys in commands and settings: what is kept and shown of a run has none of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"
_HARMLESS = frozenset(("endpoint_override", "scheme", "region", "anonymous", "path_style", "allow_bucket_creation"))
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S+")
_KEYS = r"(?:api|access|secret|private|session|license|account|encryption|signing)[-_.]?key"
_WORDS = r"(?:^|(?<=[-_.]))(?:pwd|psk|bearer|cookie|auth|dsn|sas)"  # which end other words, too
_SECRETS = rf"{_KEYS}|{_WORDS}|secret|token|passw(?:or)?d|passphrase|credentials?"
_NAME = rf"[\w.-]*?(?:{_SECRETS})"
_NAMED = re.compile(rf"({_NAME}=)(?!$).+", re.IGNORECASE | re.DOTALL)
_OPTION = re.compile(rf"--(?!no-){_NAME}", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return a text whose URLs bear neither passwords nor keys."""
    return _URL.sub(lambda found: _harmless(found[0]), text)


def command_line(words: Sequence[str]) -> str:
    """Return words as a shell takes them, without secrets: in URLs, and of options whose names say that they are one,
    as in `--api-key=...`, `--token ...`, `-o db_password=...`.
    """
    return shlex.join(_hidden(words))


def _hidden(words: Sequence[str]) -> Iterator[str]:
    after_option = False
    for word in words:
        if after_option and not word.startswith("-"):
            yield HIDDEN
        else:
            yield _NAMED.sub(rf"\g<1>{HIDDEN}", word) if _NAMED.fullmatch(word) else without_secrets(word)
        after_option = _OPTION.fullmatch(word) is not None


def _harmless(url: str) -> str:
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return f"{url.partition('://')[0]}://{HIDDEN}"
    host = parts.netloc.rpartition("@")[2]
    place = f"{HIDDEN}@{host}" if "@" in parts.netloc else host
    query = urlencode([(name, value if name in _HARMLESS else HIDDEN) for name, value in pairs], safe="*:/")
    return urlunsplit((parts.scheme, place, parts.path, query, ""))
