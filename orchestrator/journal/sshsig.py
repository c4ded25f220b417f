"""SSH signatures (the SSHSIG format), so that anybody can check them with ``ssh-keygen -Y verify``. Pure: bytes only.

Format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from orchestrator.plain import dataclass

NAMESPACE = "holdfast"
KEY_TYPE = "ssh-ed25519"

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {"sha512": hashlib.sha512, "sha256": hashlib.sha256}
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class SshSignature:
    """What an armored signature holds. ``public`` is the 32-byte Ed25519 key and ``signature`` 64 bytes."""

    public: bytes
    namespace: str
    hash_algorithm: str
    signature: bytes


def string(data: bytes) -> bytes:
    """``data`` with its length before it, as SSH writes it."""
    return struct.pack(">I", len(data)) + data


def public_blob(public: bytes) -> bytes:
    """A raw Ed25519 public key as SSH writes it (what is base64 in a key line)."""
    return string(KEY_TYPE.encode()) + string(public)


def public_line(public: bytes, comment: str = "") -> str:
    """``ssh-ed25519 AAAA... comment``."""
    return f"{KEY_TYPE} {base64.b64encode(public_blob(public)).decode()} {comment}".rstrip()


def public_from_line(line: str) -> bytes:
    """The raw key in a key line. Raises ValueError where it is not an Ed25519 key."""
    fields = line.split()
    if len(fields) < 2 or fields[0] != KEY_TYPE:
        raise ValueError("it is not an ssh-ed25519 key")
    return public_from_blob(_decoded(fields[1]))


def public_from_blob(blob: bytes) -> bytes:
    """The raw key in SSH's form of it. Raises ValueError."""
    reader = _Reader(blob)
    if reader.string() != KEY_TYPE.encode():
        raise ValueError("it is not an ssh-ed25519 key")
    public = reader.string()
    reader.end()
    if len(public) != 32:
        raise ValueError("an Ed25519 key has 32 bytes")
    return public


def fingerprint(public: bytes) -> str:
    """``SHA256:...``, as ``ssh-keygen -l`` shows it."""
    digest = hashlib.sha256(public_blob(public)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def signed_data(message: bytes, namespace: str, hash_algorithm: str = "sha512") -> bytes:
    """What the key really signs: a digest of the message, bound to the namespace. Raises ValueError."""
    if hash_algorithm not in _HASHES:
        raise ValueError(f"{hash_algorithm!r} is no hash that SSH signatures use")
    digest = _HASHES[hash_algorithm](message).digest()
    return _MAGIC + string(namespace.encode()) + string(b"") + string(hash_algorithm.encode()) + string(digest)


def armor(signature: SshSignature) -> str:
    """The signature as text, with lines of 70 characters."""
    blob = (
        _MAGIC
        + struct.pack(">I", _VERSION)
        + string(public_blob(signature.public))
        + string(signature.namespace.encode())
        + string(b"")
        + string(signature.hash_algorithm.encode())
        + string(string(KEY_TYPE.encode()) + string(signature.signature))
    )
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join([_BEGIN, *lines, _END]) + "\n"


def dearmor(text: str) -> SshSignature:
    """What ``armor`` or ``ssh-keygen -Y sign`` wrote. Raises ValueError saying what is wrong."""
    lines = text.strip().splitlines()
    if len(lines) < 3 or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise ValueError("it is not an SSH signature")
    reader = _Reader(_decoded("".join(line.strip() for line in lines[1:-1])))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise ValueError("it is not an SSH signature of version 1")
    public = public_from_blob(reader.string())
    namespace = reader.string().decode()
    reader.string()  # reserved
    hash_algorithm = reader.string().decode()
    inner = _Reader(reader.string())
    reader.end()
    if inner.string() != KEY_TYPE.encode():
        raise ValueError("the signature is not by an Ed25519 key")
    raw = inner.string()
    inner.end()
    return SshSignature(public, namespace, hash_algorithm, raw)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is not base64 ({error})") from error


class _Reader:
    """Reads SSH's length-prefixed parts; ValueError where the data end too soon or too late."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise ValueError("it is cut off")
        self._at += count
        return part

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        return self.take(self.number())

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("something follows it")
