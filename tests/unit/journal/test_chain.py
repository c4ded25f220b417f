"""The chain finds every kind of tampering and names the first bad record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.journal.canonical import DEEPEST, canonical, plain
from orchestrator.journal.chain import GENESIS, Record, link, record_from_line, verify_chain


def chain(count: int, run_id: str = "r1") -> list[Record]:
    records: list[Record] = []
    for seq in range(1, count + 1):
        prev = records[-1].hash if records else GENESIS
        records.append(
            link(
                run_id,
                seq,
                at=f"2026-05-01T02:30:{seq:02d}.000000Z",
                mono=seq / 3,
                epoch="e1",
                kind="warning",
                body=canonical({"text": f"备机 {seq}"}),
                prev=prev,
            )
        )
    return records


def test_the_hash_is_sha256_over_the_canonical_json_of_the_fields() -> None:
    record = chain(1)[0]
    fields = {
        "run_id": "r1", "seq": 1, "at": record.at, "mono": record.mono, "epoch": "e1", "kind": "warning",
        "body": {"text": "备机 1"}, "prev": GENESIS,
    }  # fmt: skip
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert record.hash == hashlib.sha256(text.encode()).hexdigest()


def test_a_whole_chain_holds() -> None:
    records = chain(5)
    assert verify_chain(records) is None
    assert verify_chain(records, run_id="r1", count=5, head=records[-1].hash) is None
    assert verify_chain([]) is None


def _edit(records: list[Record]) -> None:
    records[2] = replace(records[2], body='{"text":"nothing happened"}')


def _edit_and_rehash(records: list[Record]) -> None:
    old = records[2]
    records[2] = link(old.run_id, 3, at=old.at, mono=old.mono, epoch=old.epoch, kind=old.kind, body="{}", prev=old.prev)


def _delete(records: list[Record]) -> None:
    del records[2]


def _delete_first(records: list[Record]) -> None:
    del records[0]


def _reorder(records: list[Record]) -> None:
    records[2], records[3] = records[3], records[2]


def _repeat(records: list[Record]) -> None:
    records.insert(2, records[1])


def _insert(records: list[Record]) -> None:
    records[2:] = [replace(record, seq=record.seq + 1) for record in records[2:]]
    new = link("r1", 3, at=records[0].at, mono=1.0, epoch="e1", kind="warning", body="{}", prev=records[1].hash)
    records.insert(2, new)


def _cut(records: list[Record]) -> None:
    del records[4:]


def _add(records: list[Record]) -> None:
    last = records[-1]
    records.append(link("r1", 7, at=last.at, mono=1.0, epoch="e1", kind="warning", body="{}", prev=last.hash))


def _foreign(records: list[Record]) -> None:
    records[2] = replace(records[2], run_id="r2")


def _anew(records: list[Record]) -> None:
    records[:] = [
        *records[:5],
        link("r1", 6, at=records[5].at, mono=1.0, epoch="e1", kind="warning", body="{}", prev=records[4].hash),
    ]


@pytest.mark.parametrize(
    ("tamper", "seq", "why"),
    [
        (_edit, 3, "was changed"),
        (_edit_and_rehash, 4, "does not follow record 3"),
        (_delete, 3, "is missing: record 4 follows record 2"),
        (_delete_first, 1, "is missing: record 2 follows record 0"),
        (_reorder, 3, "is out of its place: record 4 stands before it"),
        (_repeat, 3, "is out of its place: record 2 stands there a second time"),
        (_insert, 4, "does not follow record 3"),
        (_cut, 5, "is missing: the seal says 6 records"),
        (_add, 7, "was added after the seal, which says 6 records"),
        (_foreign, 3, "belongs to another run: r2"),
        (_anew, 6, "is not the one that was sealed"),
    ],
)
def test_tampering_is_named(tamper: Callable[[list[Record]], None], seq: int, why: str) -> None:
    records = chain(6)
    head = records[-1].hash
    tamper(records)
    bad = verify_chain(records, run_id="r1", count=6, head=head)
    assert bad is not None
    assert bad.seq == seq
    assert why in str(bad)


def test_a_record_survives_its_line() -> None:
    record = chain(3)[2]
    assert record_from_line(record.to_line()) == record


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        chain(1)[0].to_line().replace(":", ": ", 1),
        chain(1)[0].to_line().replace('"seq":1', '"seq":1,"seq":1'),
        chain(1)[0].to_line().replace('"seq":1', '"seq":"1"'),
    ],
)
def test_a_line_that_is_not_exactly_a_record_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"canonical|fields"):
        record_from_line(line)


def test_not_a_number_is_refused_in_canonical_json_and_kept_as_text_in_an_event() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"lag": float("nan")})
    assert plain({"lag": float("nan"), "far": float("-inf")}) == {"lag": "nan", "far": "-inf"}


def test_half_characters_from_file_names_keep_their_value() -> None:
    text = canonical({"file": "a\udcff"})
    assert text == '{"file":"a\\udcff"}'
    assert canonical(json.loads(text)) == text


def test_bottomless_nesting_is_cut_off() -> None:
    value: object = 1
    for _ in range(DEEPEST + 50):
        value = [value]
    assert json.loads(canonical(plain(value)))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(_values)
def test_whatever_a_step_answers_is_kept_in_one_form(value: object) -> None:
    body = canonical({"output": plain(value)})
    body.encode()
    assert canonical(json.loads(body)) == body
    record = link("r1", 1, at="2026-05-01T02:30:00.000000Z", mono=1, epoch="e", kind="warning", body=body, prev=GENESIS)
    assert record_from_line(record.to_line()) == record
