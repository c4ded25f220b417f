"""Check evidence offline, and name the first thing that does not hold.

The order is chosen so that the answer is the most telling one: a changed event is named by its number, and not as "a
file with another digest".
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.errors import EvidenceError, UsageError
from orchestrator.journal import bundle
from orchestrator.journal.allowed_signers import Signer, find_signer, parse_allowed_signers
from orchestrator.journal.canonical import canonical
from orchestrator.journal.chain import Record, record_from_line, verify_chain
from orchestrator.journal.outputs import DIRECTORY
from orchestrator.journal.sealing import statement
from orchestrator.journal.signing import check_signature
from orchestrator.journal.sshsig import fingerprint
from orchestrator.journal.store import Store
from orchestrator.model.event import from_iso
from orchestrator.plain import dataclass

_KEEP = "keep it as it is: it was changed after it was sealed"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What held. ``trusted`` says that the key was named by an allowed_signers file from outside the evidence."""

    run_id: str
    records: int
    head: str
    outputs: int
    sealed: bool
    fingerprint: str = ""
    signer: str = ""
    trusted: bool = False
    notes: tuple[str, ...] = ()


def verify_bundle(path: Path, allowed_signers: Path | None = None) -> VerifyReport:
    """Check a bundle without anything else than itself (and ``allowed_signers``, a file in OpenSSH's format).

    Raises EvidenceError naming the first bad record or file, UsageError where there is no bundle.
    """
    found = _listing(path)
    outside = _read_signers(allowed_signers) if allowed_signers is not None else None
    for name in sorted(bundle.OWN):
        if name not in found:
            _bad(name, f"{name} is missing")
    signers = outside if outside is not None else _signers((path / bundle.SIGNERS).read_text("utf-8", "replace"))

    seal_bytes = (path / bundle.SEAL).read_bytes()
    signature = (path / (bundle.SEAL + bundle.SIGNATURE)).read_text("utf-8", "replace")
    public = check_signature(seal_bytes, signature, bundle.SEAL)
    run_id, count, head = _statement(seal_bytes)
    records = _records(path / bundle.JOURNAL, run_id, count, head)
    signer = _trusted(signers, public, records, bundle.SEAL)

    manifest_bytes = (path / bundle.MANIFEST).read_bytes()
    signature = (path / (bundle.MANIFEST + bundle.SIGNATURE)).read_text("utf-8", "replace")
    _trusted(signers, check_signature(manifest_bytes, signature, bundle.MANIFEST), records, bundle.MANIFEST)
    _check_files(path, found, manifest_bytes, run_id)
    outputs = _check_outputs(path, records, {name for name in found if "/" in name})
    return VerifyReport(
        run_id, count, head, outputs, True, fingerprint(public), signer.principals, outside is not None,
        notes=() if outside is not None else (_only_vouched("the bundle", public),),
    )  # fmt: skip


def verify_store(
    store: Store, run_id: str, *, run_directory: Path | None = None, allowed_signers: Path | None = None
) -> VerifyReport:
    """Check a run where it is kept: chain, seal (where it is closed), and outputs (with ``run_directory``).

    Raises EvidenceError naming the first bad record or file, UsageError where there is no such run.
    """
    records = store.records(run_id)
    if not records:
        raise UsageError(f"there is no run {run_id} in {store.address}", mend="holdfast status lists the runs")
    seal = store.seal_of(run_id)
    bad = verify_chain(records, run_id=run_id, count=seal.seq if seal else None, head=seal.hash if seal else None)
    if bad is not None:
        _bad(f"record {bad.seq}", f"run {run_id} in {store.address}: {bad}")
    outputs = _check_outputs(run_directory, records, None) if run_directory is not None else 0
    head = records[-1].hash
    if seal is None:
        return VerifyReport(
            run_id, len(records), head, outputs, False, notes=("the run is not closed: it has no seal",)
        )
    public = check_signature(statement(run_id, seal.seq, seal.hash), seal.signature, f"the seal of run {run_id}")
    if allowed_signers is None:
        note = _only_vouched("the store", public)
        return VerifyReport(run_id, len(records), head, outputs, True, fingerprint(public), notes=(note,))
    signer = _trusted(_read_signers(allowed_signers), public, records, f"the seal of run {run_id}")
    return VerifyReport(run_id, len(records), head, outputs, True, fingerprint(public), signer.principals, True)


def _bad(what: str, why: str) -> NoReturn:
    raise EvidenceError(why, first_bad=what, mend=_KEEP)


def _only_vouched(by: str, public: bytes) -> str:
    return (
        f"the signer is vouched for by {by} alone; compare its fingerprint {fingerprint(public)} with one that you "
        "know, or give an allowed_signers file of your own"
    )


def _listing(path: Path) -> set[str]:
    """The files of the bundle, relative; anything that is not a plain file in its place is refused."""
    if path.is_symlink() or not path.is_dir():
        raise UsageError(f"{path} is not a directory with a bundle", mend="name the bundle's directory")
    found: set[str] = set()
    for directory, names, files in os.walk(path):
        for name in sorted([*names, *files]):
            full = Path(directory, name)
            relative = full.relative_to(path).as_posix()
            mode = full.lstat().st_mode
            if stat.S_ISDIR(mode) and relative == DIRECTORY:
                continue
            if not stat.S_ISREG(mode):
                _bad(relative, f"{relative} does not belong there: it is not a plain file")
            found.add(relative)
    if bundle.JOURNAL not in found and bundle.MANIFEST not in found:
        raise UsageError(f"there is no bundle in {path}", mend="name the bundle's directory")
    return found


def _signers(text: str) -> list[Signer]:
    try:
        return parse_allowed_signers(text)
    except ValueError as error:
        raise EvidenceError(
            f"allowed_signers can not be read: {error}", first_bad=bundle.SIGNERS, mend="see ssh-keygen(1)"
        ) from error


def _read_signers(path: Path) -> list[Signer]:
    try:
        return parse_allowed_signers(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} can not be read as an allowed_signers file: {error}", mend="see ssh-keygen(1)"
        ) from error


def _trusted(signers: list[Signer], public: bytes, records: Sequence[Record], what: str) -> Signer:
    # As of the run's end: a key that has expired since does not make old evidence bad.
    signer = find_signer(signers, public, from_iso(records[-1].at))
    if signer is None:
        raise EvidenceError(
            f"{what} is signed by {fingerprint(public)}, which the allowed_signers file does not trust",
            first_bad=what,
            mend="ask for the signer's fingerprint on another way; if it is right, add the key to the file",
        )
    return signer


def _statement(data: bytes) -> tuple[str, int, str]:
    try:
        value = json.loads(data)
        run_id, count, head = value["run_id"], value["count"], value["head"]
        if statement(run_id, count, head) != data or not isinstance(count, int) or count < 1:
            raise ValueError("it is not a statement of ours")
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"seal.json can not be read: {error}", first_bad=bundle.SEAL, mend=_KEEP) from error
    return run_id, count, head


def _records(path: Path, run_id: str, count: int, head: str) -> list[Record]:
    data = path.read_bytes()
    lines = data.split(b"\n")
    unreadable = ""
    records: list[Record] = []
    for line in lines[:-1] if lines[-1] == b"" else lines:
        try:
            records.append(record_from_line(line.decode()))
        except (ValueError, RecursionError) as error:
            unreadable = str(error)
            break
    # What comes before an unreadable line may be bad already; then that is the first bad record.
    ends = None if unreadable else count
    bad = verify_chain(records, run_id=run_id, count=ends, head=None if unreadable else head)
    if bad is not None:
        _bad(f"record {bad.seq}", f"{bundle.JOURNAL} {bad}")
    if unreadable:
        _bad(f"record {len(records) + 1}", f"{bundle.JOURNAL} record {len(records) + 1} can not be read: {unreadable}")
    if lines[-1] != b"":
        _bad(f"record {len(records)}", f"{bundle.JOURNAL} record {len(records)} has lost the end of its line")
    return records


def _check_files(path: Path, found: set[str], manifest_bytes: bytes, run_id: str) -> None:
    try:
        manifest = json.loads(manifest_bytes)
        files: dict[str, Any] = manifest["files"]
        if (canonical(manifest) + "\n").encode() != manifest_bytes or manifest["format"] != bundle.FORMAT:
            raise ValueError("it is not a manifest of ours")
        if manifest["run_id"] != run_id:
            raise ValueError(f"it is of run {manifest['run_id']}")
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"manifest.json can not be read: {error}", first_bad=bundle.MANIFEST, mend=_KEEP) from error
    for name in sorted(files):
        if name not in found:
            _bad(name, f"{name} is missing")
        if _digest(path / name) != files[name]:
            _bad(name, f"{name} was changed: it is not the file that the manifest names")
    for name in sorted(found - set(files) - {bundle.MANIFEST, bundle.MANIFEST + bundle.SIGNATURE}):
        _bad(name, f"{name} does not belong there: the manifest does not name it")


def _check_outputs(directory: Path, records: Sequence[Record], present: set[str] | None) -> int:
    refs = bundle.output_refs(records)
    for name, ref in refs.items():
        file = directory / name
        if file.is_symlink() or not file.is_file():
            _bad(name, f"{name} is missing, though the journal names it")
        if _digest(file) != {"sha256": ref.sha256, "size": ref.size}:
            _bad(name, f"{name} was changed: it is not the output that the journal names")
    for name in sorted((present or set()) - set(refs)):
        _bad(name, f"{name} does not belong there: the journal names no such output")
    return len(refs)


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": file.tell()}
