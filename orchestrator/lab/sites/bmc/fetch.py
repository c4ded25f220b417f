"""Fetching a firmware image over http or https: bounded in time and size, no redirects, from allowed places only."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

WITHIN = 60.0
"""Seconds a fetch may take."""
_PIECE = 64 * 1024


class NotFetched(Exception):
    """The image could not be had; says why."""


def allowed(url: str, sources: Sequence[str]) -> bool:
    """Whether the URL begins with one of the sources, in the same place and below the same folder.

    A source's own path is compared literally, and a path with ``..`` or an escape in it is never allowed.
    """
    try:
        asked = urlsplit(url)
        if asked.username is not None or ".." in asked.path or "%" in asked.path or "\\" in url:
            return False
        for source in sources:
            place = urlsplit(source)
            same = (asked.scheme, asked.hostname, asked.port) == (place.scheme, place.hostname, place.port)
            if same and asked.path.startswith(place.path.rstrip("/") + "/"):
                return True
    except ValueError:
        return False
    return False


def fetch(url: str, ca: Path, largest: int) -> bytes:
    """The content. https is verified with the lab's CA. Raises NotFetched."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # allowed() has seen to it
    until = time.monotonic() + WITHIN
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(ca))
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        if answer.status != 200:
            raise NotFetched(f"the server answered {answer.status}")
        pieces, size = [], 0
        while piece := answer.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                raise NotFetched(f"it is larger than {largest} bytes")
            if time.monotonic() > until:
                raise NotFetched(f"it took longer than {WITHIN:g} s")
        return b"".join(pieces)
    except (OSError, http.client.HTTPException) as error:
        raise NotFetched(str(error) or type(error).__name__) from error
    finally:
        connection.close()
