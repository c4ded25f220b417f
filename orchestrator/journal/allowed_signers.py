"""Who may close a run: OpenSSH's allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from orchestrator.journal.sshsig import KEY_TYPE, NAMESPACE, public_from_line
from orchestrator.plain import dataclass

_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)', re.IGNORECASE)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?")


@dataclass(frozen=True, slots=True)
class Signer:
    """One trusted Ed25519 key."""

    principals: str
    public: bytes
    namespaces: tuple[str, ...] = ()
    """Patterns; empty: every namespace."""
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def may_sign(self, namespace: str, at: datetime) -> bool:
        """Whether the key is trusted for the namespace at that moment."""
        if self.namespaces and not any(fnmatchcase(namespace, pattern) for pattern in self.namespaces):
            return False
        if self.valid_after is not None and at < self.valid_after:
            return False
        return self.valid_before is None or at <= self.valid_before


def parse_allowed_signers(text: str) -> list[Signer]:
    """The Ed25519 keys in an allowed_signers file, in order. Other kinds of keys and certificate authorities are
    passed over: we never sign with them. Raises ValueError naming the line that can not be read."""
    found: list[Signer] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            signer = _signer(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if signer is not None:
            found.append(signer)
    return found


def find_signer(signers: list[Signer], public: bytes, at: datetime, namespace: str = NAMESPACE) -> Signer | None:
    """The first signer that trusts ``public``, or None."""
    return next((one for one in signers if one.public == public and one.may_sign(namespace, at)), None)


def _signer(line: str) -> Signer | None:
    words = re.findall(r'(?:[^\s"]|"[^"]*")+', line)
    if len(words) < 3:
        raise ValueError("it needs a name, a key type and a key")
    principals, *rest = words
    options: dict[str, str] = {}
    if not re.match(r"(ssh-|ecdsa-|sk-)", rest[0]):
        options = _options(rest.pop(0))
    if "cert-authority" in options or rest[0] != KEY_TYPE:
        return None
    return Signer(
        principals.strip('"'),
        public_from_line(" ".join(rest[:2])),
        tuple(part for part in options.get("namespaces", "").split(",") if part),
        _time(options["valid-after"]) if "valid-after" in options else None,
        _time(options["valid-before"]) if "valid-before" in options else None,
    )


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None or match.group(1).lower() not in (
            "cert-authority", "namespaces", "valid-after", "valid-before",
        ):  # fmt: skip
            raise ValueError(f"it has an option that is not known: {text[at:]}")
        found[match.group(1).lower()] = match.group(2) or ""
        at = match.end()
    return found


def _time(text: str) -> datetime:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time like 20260501 or 202605011230Z")
    numbers = [int(part) for part in match.groups() if part is not None]
    # Without a Z the time is the local one of whoever checks, as ssh-keygen has it.
    moment = datetime(*numbers, tzinfo=UTC) if text.endswith("Z") else datetime(*numbers).astimezone()  # type: ignore[arg-type,misc]
    return moment.astimezone(UTC)
