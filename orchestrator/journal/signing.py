"""The key that closes runs: Ed25519, in OpenSSH's own files, made on first use."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import EvidenceError, StoreUnavailable
from orchestrator.journal.files import make_private_directory, write_new, write_whole
from orchestrator.journal.processes import host_name
from orchestrator.journal.sshsig import (
    NAMESPACE,
    SshSignature,
    armor,
    dearmor,
    fingerprint,
    public_line,
    signed_data,
)
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "holdfast_ed25519"
PRINCIPAL = "holdfast"
"""The name that our own allowed_signers files give the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that can sign. ``public`` is the raw public key."""

    private: Ed25519PrivateKey
    public: bytes
    comment: str = ""

    @property
    def line(self) -> str:
        """The public key line: ``ssh-ed25519 AAAA... comment``."""
        return public_line(self.public, self.comment)

    @property
    def fingerprint(self) -> str:
        """``SHA256:...``."""
        return fingerprint(self.public)

    @property
    def allowed_signers(self) -> str:
        """The one line of an allowed_signers file that trusts this key for our namespace."""
        return f'{PRINCIPAL} namespaces="{NAMESPACE}" {self.line}\n'

    def sign(self, message: bytes, namespace: str = NAMESPACE) -> str:
        """An armored SSH signature of ``message``."""
        raw = self.private.sign(signed_data(message, namespace))
        return armor(SshSignature(self.public, namespace, "sha512", raw))


def load_or_make_key(directory: Path) -> SigningKey:
    """The signing key in ``directory`` (<state>/keys), made there on first use: 0600, with its ``.pub`` beside it.

    Raises StoreUnavailable where it can not be made, read, or others may read it.
    """
    path = directory / FILE
    try:
        if not path.exists():
            _make(directory, path)
        return _load(path)
    except OSError as error:
        raise StoreUnavailable(
            f"the signing key {path} can not be used ({error})",
            mend="check the owner and the mode of the directory; the run itself needs no key until it is closed",
        ) from error


def _make(directory: Path, path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    make_private_directory(directory)
    if not write_new(path, [text]):
        return  # another thread or process was first; then that one is the key
    public = private.public_key().public_bytes_raw()
    write_whole(directory / f"{FILE}.pub", [f"{public_line(public, _comment())}\n".encode()])


def _load(path: Path) -> SigningKey:
    about = path.stat()
    if about.st_mode & 0o077:
        raise StoreUnavailable(f"others may read the signing key {path}", mend=f"chmod 600 {path}, or make a new key")
    return _read(path, (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns))


@lru_cache(maxsize=4)
def _read(path: Path, _as_it_is: tuple[int, ...]) -> SigningKey:
    """The key in a file, read once as long as the file is the same."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    content = path.read_bytes()
    try:
        private = load_ssh_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise StoreUnavailable(
            f"the signing key {path} can not be read ({error})",
            mend="it must be an OpenSSH Ed25519 key without a passphrase; put it aside and a new one is made",
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise StoreUnavailable(f"the signing key {path} is not an Ed25519 key", mend="ssh-keygen -t ed25519 makes one")
    return SigningKey(private, private.public_key().public_bytes_raw(), _comment())


def _comment() -> str:
    return f"holdfast@{host_name()}"


def check_signature(message: bytes, armored: str, what: str, namespace: str = NAMESPACE) -> bytes:
    """The raw public key that signed ``message``. Raises EvidenceError, naming ``what``, where the signature does not
    hold.

    Says nothing about whether the key may be trusted: that is ``allowed_signers``.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = dearmor(armored)
        if signature.namespace != namespace:
            raise ValueError(f"it was made for {signature.namespace!r}, not for {namespace!r}")
        data = signed_data(message, namespace, signature.hash_algorithm)
        Ed25519PublicKey.from_public_bytes(signature.public).verify(signature.signature, data)
    except (ValueError, InvalidSignature) as error:
        why = str(error) or "what was signed is not what is there"
        raise EvidenceError(
            f"the signature of {what} does not hold: {why}", first_bad=what, mend="keep it as it is; it was changed"
        ) from error
    return signature.public
