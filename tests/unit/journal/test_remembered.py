"""Records kept in little memory come back as they were."""

from __future__ import annotations

from orchestrator.journal.chain import GENESIS, Record, link
from orchestrator.journal.remembered import CHUNK, Remembered


def records(count: int) -> list[Record]:
    found: list[Record] = []
    for seq in range(1, count + 1):
        prev = found[-1].hash if found else GENESIS
        body = f'{{"step":"s{seq}","text":"备机 \\\\udcff"}}'
        found.append(link("r1", seq, at="2026", mono=seq / 3, epoch="e1", kind="warning", body=body, prev=prev))
    return found


def test_they_come_back_as_they_were() -> None:
    for count in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 7):
        kept = Remembered()
        told = records(count)
        for record in told:
            kept.add(record)
        assert kept.count == count
        assert list(kept) == told
        assert kept.last == (told[-1] if told else None)
