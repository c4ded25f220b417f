"""One sink for secrets: every text and object that is kept or shown goes through a Redactor."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
SHORTEST = 4
"""Secrets shorter than this would blot out ordinary words; they are refused when they are read."""


def _encodings(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        repr(secret)[1:-1],
        raw.hex(),
        raw.hex().upper(),
    }
    # Base64 of a text that contains the secret depends on where in a group of three bytes the secret begins;
    # what is common to all surroundings is the middle part.
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw).decode().rstrip("=")
            first = (0, 2, 3)[shift]
            last = len(text) if (len(raw) + shift) % 3 == 0 else len(text) - 1
            if last - first >= SHORTEST:
                forms.add(text[first:last])
    lines = [line for line in secret.splitlines() if len(line) >= SHORTEST]
    return {form for form in forms if len(form) >= SHORTEST} | (set(lines) if len(lines) > 1 else set())


class Redactor:
    """Blots out known secrets, raw and in every usual encoding."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        self.longest = 0
        for secret in secrets:
            forms |= _encodings(secret)
        # Longest first: an encoding that contains another must win.
        ordered = sorted(forms, key=len, reverse=True)
        self.longest = len(ordered[0]) if ordered else 0
        self._pattern = re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None
        self._bytes = re.compile(b"|".join(re.escape(form.encode()) for form in ordered)) if ordered else None

    def text(self, text: str) -> str:
        """``text`` without the secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def data(self, raw: bytes) -> bytes:
        """``raw`` without the secrets. For a stream, keep ``longest`` bytes back between pieces."""
        return self._bytes.sub(MASK.encode(), raw) if self._bytes else raw

    def stream(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same as ``data`` of all ``pieces`` together, in bounded memory: a secret that is split over two
        pieces is found."""
        if self._bytes is None:
            yield from pieces
            return
        kept = b""
        for piece in pieces:
            kept += piece
            # A match that begins here or later might be a longer one with the next piece.
            certain = len(kept) - self.longest + 1
            done = 0
            clean: list[bytes] = []
            for match in self._bytes.finditer(kept):
                if match.start() >= certain:
                    break
                clean += (kept[done : match.start()], MASK.encode())
                done = match.end()
            if done < certain:
                clean.append(kept[done:certain])
                done = certain
            kept = kept[done:]
            if clean:
                yield b"".join(clean)
        if kept:
            yield self.data(kept)

    def value(self, value: Any) -> Any:
        """A JSON-like value without the secrets, keys included."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            # A password made of digits may have been read as a number.
            shown = str(value)
            return MASK if self.text(shown) != shown else value
        return value
