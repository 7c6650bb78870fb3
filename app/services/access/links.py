"""Links: addresses that open one path without a key, for a while."""

import hashlib
import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from itsdangerous import Signer

from app.errors import LinkRefused

#: A link's end is rounded up to this part of its life, so that the same file keeps its address for a while.
_STEPS = 4


class Links:
    """Signs paths, and knows its own signatures."""

    def __init__(self, secret: str, life_s: float, now: Callable[[], float] = time.time) -> None:
        """Links last `life_s` seconds at least, and at most a quarter longer."""
        self._signer = Signer(secret, salt="music.links", key_derivation="hmac", digest_method=hashlib.sha256)
        self._life_s = max(1.0, life_s)
        self._now = now

    def sign(self, path: str) -> str:
        """What follows a path in its link: "?expires=1785000000&signature=…"."""
        step = self._life_s / _STEPS
        expires = int((int(self._now() / step) + 1) * step + self._life_s)
        return f"?expires={expires}&signature={self._signature(path, expires)}"

    def check(self, path: str, query: bytes) -> None:
        """`LinkRefused` unless the query holds a signature of this very path that is still good."""
        given = parse_qs(query.decode("latin-1"), max_num_fields=20)
        expires, signature = given.get("expires", [""])[-1], given.get("signature", [""])[-1]
        if not re.fullmatch(r"[0-9]{1,12}", expires):
            raise LinkRefused("This link is not whole. Ask for the track again to get a new one")
        if not self._signer.verify_signature(_signed(path, int(expires)), signature.encode()):
            raise LinkRefused("This link was not made here for this file. Ask for the track again to get a new one")
        if int(expires) < self._now():
            raise LinkRefused("This link has expired. Ask for the track again to get a new one")

    def _signature(self, path: str, expires: int) -> str:
        return self._signer.get_signature(_signed(path, expires)).decode("ascii")


def is_signed(query: bytes) -> bool:
    """Whether a query holds a signature, good or not."""
    return b"signature=" in query


def _signed(path: str, expires: int) -> bytes:
    return f"{expires}:{path}".encode("utf-8", "surrogatepass")
