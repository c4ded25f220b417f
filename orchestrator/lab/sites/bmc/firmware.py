"""The lab's firmware images: a line of JSON that says what it is, and the payload whose digest it holds."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

MAGIC = "holdfast-lab-firmware"
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}")
LARGEST = 16 * 1024 * 1024
"""Bytes of an image."""


class BadImage(Exception):
    """What was fetched is no image, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is for."""

    component: str
    version: str


def make_image(component: str, version: str, payload: bytes) -> bytes:
    """An image that a BMC of the lab takes."""
    head = {
        "kind": MAGIC,
        "component": component,
        "version": version,
        "size": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    return json.dumps(head).encode() + b"\n" + payload


def check_image(content: bytes) -> Image:
    """What the image is for. Raises BadImage where its shape, size or digest is off."""
    head, newline, payload = content.partition(b"\n")
    try:
        told = json.loads(head)
        image = Image(str(told["component"]), str(told["version"]))
        size, digest, kind = told["size"], told["sha256"], told["kind"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadImage("it does not begin with an image's head") from error
    if not newline or kind != MAGIC or not _VERSION.fullmatch(image.version):
        raise BadImage("its head is not that of a firmware image")
    if size != len(payload):
        raise BadImage(f"it should hold {size} bytes and holds {len(payload)}")
    if hashlib.sha256(payload).hexdigest() != digest:
        raise BadImage("its content does not match its digest")
    return image
