"""A run's evidence as a directory that stands for itself: it can be copied away and checked offline."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.errors import EvidenceError, Refused, StoreUnavailable, UsageError
from orchestrator.journal.bundle_readme import readme
from orchestrator.journal.canonical import canonical
from orchestrator.journal.chain import Record, verify_chain
from orchestrator.journal.files import make_private_directory, sync_directory, write_whole
from orchestrator.journal.outputs import DIRECTORY
from orchestrator.journal.sealing import statement
from orchestrator.journal.signing import PRINCIPAL, SigningKey
from orchestrator.journal.sshsig import NAMESPACE, fingerprint, public_from_line
from orchestrator.journal.store import Seal, Store
from orchestrator.model.event import EventKind
from orchestrator.model.outcome import OutputRef

JOURNAL = "journal.jsonl"
SEAL = "seal.json"
MANIFEST = "manifest.json"
SIGNERS = "allowed_signers"
SUMS = "SHA256SUMS"
README = "README.txt"
SIGNATURE = ".sig"
FORMAT = "holdfast-bundle-1"

OWN = frozenset({JOURNAL, SEAL, SEAL + SIGNATURE, MANIFEST, MANIFEST + SIGNATURE, SIGNERS, SUMS, README})

_EXTRA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OUTPUT = re.compile(rf"{DIRECTORY}/[A-Za-z0-9][A-Za-z0-9._-]{{0,203}}")


def write_bundle(
    store: Store,
    run_id: str,
    directory: Path,
    *,
    key: SigningKey,
    run_directory: Path,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the bundle of a sealed run to ``directory``, which must not be there yet; answers it.

    ``extra`` are further files by name (record.json, record.html). The directory is complete, or not made at all.
    Raises Refused for a run that is not sealed, EvidenceError where an output is missing or changed, UsageError,
    StoreUnavailable.
    """
    files = dict(extra or {})
    for name in files:
        if not _EXTRA.fullmatch(name) or name in OWN:
            raise UsageError(f"{name!r} can not be the name of a file in a bundle", mend="use letters, digits, . _ -")
    seal = store.seal_of(run_id)
    if seal is None:
        raise Refused(f"run {run_id} is not sealed: it has not ended", mend=f"holdfast resume {run_id}, or abort it")
    records = store.records(run_id)
    bad = verify_chain(records, run_id=run_id, count=seal.seq, head=seal.hash)
    if bad is not None:
        raise EvidenceError(
            f"the journal of run {run_id} does not hold: {bad}", first_bad=f"record {bad.seq}", mend="keep the store"
        )
    files |= _own_files(records, seal, key)
    if directory.exists() or directory.is_symlink():
        raise UsageError(f"{directory} is there already", mend="name a directory that is not there yet")
    try:
        make_private_directory(directory.parent)
        part = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            _fill(part, files, output_refs(records), run_directory, run_id, key)
            part.rename(directory)
            sync_directory(directory.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    except OSError as error:
        raise StoreUnavailable(
            f"the bundle {directory} can not be written ({error})", mend="free some room, or name another place"
        ) from error
    return directory


def _own_files(records: Sequence[Record], seal: Seal, key: SigningKey) -> dict[str, bytes]:
    signer = public_from_line(seal.key)
    lines = [key.allowed_signers]
    if signer != key.public:  # sealed earlier, with another key
        lines.append(f'{PRINCIPAL} namespaces="{NAMESPACE}" {seal.key}\n')
    return {
        JOURNAL: "".join(record.to_line() + "\n" for record in records).encode(),
        SEAL: statement(seal.run_id, seal.seq, seal.hash),
        SEAL + SIGNATURE: seal.signature.encode(),
        SIGNERS: "".join(lines).encode(),
        README: readme(seal.run_id, fingerprint(signer), PRINCIPAL, NAMESPACE),
    }


def _fill(
    part: Path,
    files: Mapping[str, bytes],
    refs: Mapping[str, OutputRef],
    run_directory: Path,
    run_id: str,
    key: SigningKey,
) -> None:
    (part / DIRECTORY).mkdir(mode=0o700)
    entries: dict[str, dict[str, Any]] = {}
    for name, ref in refs.items():
        copied = _copy(run_directory / name, part / name)
        if copied != {"sha256": ref.sha256, "size": ref.size}:
            raise EvidenceError(
                f"{name} in {run_directory} is not the output that the journal names", first_bad=name,
                mend="it was changed after the step ended; the journal's own digest stands",
            )  # fmt: skip
        entries[name] = copied
    for name, data in files.items():
        write_whole(part / name, [data])
        entries[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    sums = "".join(f"{entry['sha256']}  {name}\n" for name, entry in sorted(entries.items())).encode()
    write_whole(part / SUMS, [sums])
    entries[SUMS] = {"sha256": hashlib.sha256(sums).hexdigest(), "size": len(sums)}
    manifest = (canonical({"files": entries, "format": FORMAT, "run_id": run_id}) + "\n").encode()
    write_whole(part / MANIFEST, [manifest])
    write_whole(part / (MANIFEST + SIGNATURE), [key.sign(manifest).encode()])
    sync_directory(part / DIRECTORY)


def _copy(source: Path, target: Path) -> dict[str, Any]:
    if source.is_symlink() or not source.is_file():
        raise EvidenceError(
            f"{source} is missing, though the journal names it", first_bad=str(source),
            mend="put it back from a backup of the state directory",
        )  # fmt: skip
    digest = hashlib.sha256()
    size = 0

    def pieces() -> Iterator[bytes]:
        nonlocal size
        with source.open("rb") as file:
            while piece := file.read(1 << 18):
                digest.update(piece)
                size += len(piece)
                yield piece

    write_whole(target, pieces())
    return {"sha256": digest.hexdigest(), "size": size}


def output_refs(records: Sequence[Record]) -> dict[str, OutputRef]:
    """The kept outputs that the journal names, by path. Raises EvidenceError for a path that leads elsewhere."""
    found: dict[str, OutputRef] = {}
    for record in records:
        if record.kind != EventKind.STEP_ENDED or '"ref"' not in record.body:
            continue
        outcome = record.to_event().body.get("outcome")
        ref = outcome.get("ref") if isinstance(outcome, Mapping) else None
        if not isinstance(ref, Mapping):
            continue
        path, sha256, size = ref.get("path"), ref.get("sha256"), ref.get("size")
        if not (
            isinstance(path, str) and _OUTPUT.fullmatch(path) and isinstance(sha256, str) and isinstance(size, int)
        ):
            raise EvidenceError(
                f"record {record.seq} names an output that can not be one: {path!r}",
                first_bad=f"record {record.seq}",
                mend="it was not written by this program",
            )
        found[str(path)] = OutputRef(str(path), sha256, size)
    return found
