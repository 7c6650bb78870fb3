"""Keys as text: `mk_` and the key's number, a secret of 256 bits, and a checksum that finds a typing error."""

import hashlib
import re
import secrets
import zlib
from collections.abc import Callable

#: What every key begins with, so that those who look for lost secrets find it.
PREFIX = "mk_"

_KEY = re.compile(r"mk_([0-9a-f]{12})_([0-9a-f]{64})([0-9a-f]{8})")
#: Bytes of the number, and of the secret.
_NUMBER, _SECRET = 6, 32

#: As many bytes as it is asked for that nobody can foresee.
Chance = Callable[[int], bytes]


def new_key(chance: Chance = secrets.token_bytes) -> tuple[str, str]:
    """The id of a new key, and the key itself, which nobody can foresee."""
    drawn = chance(_NUMBER + _SECRET).hex()
    number, secret = drawn[: 2 * _NUMBER], drawn[2 * _NUMBER :]
    body = f"{PREFIX}{number}_{secret}"
    return f"key_{number}", body + _checksum(body)


def id_of(key: str) -> str | None:
    """The id that a key says it has; None where the text is none, or its checksum is wrong."""
    found = _KEY.fullmatch(key)
    if found is None or not secrets.compare_digest(_checksum(key[:-8]), found[3]):
        return None
    return f"key_{found[1]}"


def hash_of(key: str) -> str:
    """What is kept of a key. One round is enough: a secret of 256 bits cannot be guessed, however fast a guess is."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
