"""Close a run: a signed statement of how many records it has and which is the last."""

from __future__ import annotations

from itertools import islice

from orchestrator.errors import EvidenceError, Refused
from orchestrator.journal.canonical import canonical
from orchestrator.journal.chain import verify_chain
from orchestrator.journal.signing import SigningKey
from orchestrator.journal.store import Seal, Store, each_record


def statement(run_id: str, count: int, head: str) -> bytes:
    """The exact bytes that are signed."""
    return (canonical({"count": count, "format": "holdfast-seal-1", "head": head, "run_id": run_id}) + "\n").encode()


def seal_run(store: Store, run_id: str, key: SigningKey) -> Seal:
    """Sign the run's chain and keep the seal: nothing can be added after it. Done once; answers the seal that is
    kept.

    Raises EvidenceError where the chain does not hold, and Refused where the run has no records.
    """
    kept = store.seal_of(run_id)
    if kept is not None:
        return kept
    head = store.head(run_id)
    if head is None:
        raise Refused(f"run {run_id} has no records to seal", mend="holdfast status lists the runs")
    bad = verify_chain(islice(each_record(store, run_id), head.seq), run_id=run_id, count=head.seq, head=head.hash)
    if bad is not None:
        raise EvidenceError(
            f"run {run_id} is not sealed, its chain does not hold: {bad}", first_bad=f"record {bad.seq}",
            mend="keep the store as evidence",
        )  # fmt: skip
    signature = key.sign(statement(run_id, head.seq, head.hash))
    seal = Seal(run_id, head.seq, head.hash, signature, key.line)
    store.put_seal(seal)
    return store.seal_of(run_id) or seal
