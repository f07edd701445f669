# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Secrets that sign webhooks: how they are made, and which are good enough.

``whsec_`` and base64 is the form of Standard Webhooks (https://www.standardwebhooks.com): the bytes behind the
prefix are the key of its signatures. Any other text is a secret for ``X-Fusion-Signature`` only.
"""

import base64
import binascii
import itertools
import re
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
RULE = (
    "A webhook secret holds at least 24 random bytes: whsec_ and 24 to 64 bytes in base64, or at least 32 random"
    " characters without blanks (39 if its letters are all small or all capital, 48 if it is hexadecimal)"
)
_NEW_BYTES = 32
_FEWEST_BYTES, _MOST_BYTES = 24, 64
#: Characters that hold 24 bytes, by what they are drawn from; beyond these it is 32.
_LENGTHS = ((r"\d+", 58), (r"[\da-f]+|[\dA-F]+", 48), (r"[^A-Z]+|[^a-z]+", 39))
_LONGEST = 1024
#: Random bytes and characters of the least length have more different ones than this, with all certainty.
_FEWEST_DIFFERENT = 10


def generate() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def standard_key(secret: str) -> bytes | None:
    """Return the key of Standard Webhooks' signatures, or None if the secret has another form."""
    if not secret.startswith(PREFIX):
        return None
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def is_strong(secret: str) -> bool:
    """Tell whether a secret follows RULE, as far as one can see."""
    if secret.startswith(PREFIX):
        key = standard_key(secret)
        return key is not None and _FEWEST_BYTES <= len(key) <= _MOST_BYTES and _looks_random(key)
    if not re.fullmatch(r"[!-~]+", secret) or len(secret) > _LONGEST:
        return False
    needed = next((length for pattern, length in _LENGTHS if re.fullmatch(pattern, secret)), 32)
    return len(secret) >= needed and _looks_random(secret.lower().encode())


def _looks_random(values: Sequence[int]) -> bool:
    """Tell repetitions and runs such as ``aaaa``, ``abab`` and ``1234`` from what chance makes."""
    pairs = list(itertools.pairwise(values))
    runs = sum(abs(left - right) <= 1 for left, right in pairs)
    repeats_a_part = values in (values + values)[1:-1]  # type: ignore[operator]
    return len(set(values)) >= _FEWEST_DIFFERENT and runs * 2 < len(pairs) and not repeats_a_part
