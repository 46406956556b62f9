"""JSON files that tell whether they are damaged: the last entry of the object is a digest of the rest."""

from __future__ import annotations

import hashlib

_SEAL = b',"digest":"'
_DIGEST_CHARACTERS = 16
_END = b'"}'
_SEAL_BYTES = len(_SEAL) + _DIGEST_CHARACTERS + len(_END)


def sealed(payload: bytes) -> bytes:
    """Return a JSON object with its digest; readers that do not know of it pass the entry over."""
    return payload[:-1] + _SEAL + _digest(payload) + _END


def unsealed(payload: bytes) -> bytes:
    """Return what was sealed. What bears no seal, as files of older versions, is returned as it is.

    Raises:
        ValueError: it is not what was sealed.
    """
    if not payload[-_SEAL_BYTES:].startswith(_SEAL):
        return payload
    plain = payload[:-_SEAL_BYTES] + b"}"
    if payload[-_SEAL_BYTES + len(_SEAL) :] != _digest(plain) + _END:
        raise ValueError("its digest is another one")
    return plain


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST_CHARACTERS // 2).hexdigest().encode()
