"""Outputs, keys, seals and bundles as real files; checked by ssh-keygen and sha256sum, which nobody here wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import EvidenceError, Refused, StoreUnavailable, UsageError
from orchestrator.journal.bundle import write_bundle
from orchestrator.journal.outputs import OutputKeeper
from orchestrator.journal.sealing import seal_run
from orchestrator.journal.signing import SigningKey, load_or_make_key
from orchestrator.journal.sqlite_store import SqliteStore
from orchestrator.journal.store import RunHeader
from orchestrator.journal.verify import verify_bundle, verify_store
from orchestrator.journal.writer import JournalWriter
from orchestrator.model.event import EventKind
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.redaction import Redactor

NOW = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
SECRET = "geheim-wort-12"


class Closed:
    """A sealed run of five records with one output, and its bundle."""

    def __init__(self, state: Path, clock: Any) -> None:
        self.run_directory = state / "runs" / "r1"
        self.store = SqliteStore(state / "journal.sqlite3")
        self.key = load_or_make_key(state / "keys")
        redactor = Redactor([SECRET])
        writer = JournalWriter.begin(self.store, RunHeader("r1", NOW, "takeover", "drill"), clock, redactor, "e1")
        self.ref = OutputKeeper(self.run_directory, redactor, lambda text: pytest.fail(text)).keep(
            "lag.action.1", [b"lag 3 s, password geheim-", b"wort-12\n"]
        )
        outcome = Outcome(Ending.OK, output={"lag_s": 3}, ref=self.ref)
        writer.append(EventKind.DRIVER_CLAIMED, {"epoch": "e1", "pid": 1, "host": "ops1"})
        writer.append(EventKind.WARNING, {"text": "备机延迟"})
        writer.append(EventKind.STEP_ENDED, {"step": "lag", "outcome": outcome.to_body()})
        writer.append(EventKind.WARNING, {"text": "later"})
        writer.append(EventKind.RUN_ENDED, {"status": "done"})
        self.seal = seal_run(self.store, "r1", self.key)
        self.bundle = write_bundle(
            self.store, "r1", state / "bundles" / "r1", key=self.key, run_directory=self.run_directory,
            extra={"record.json": b"{}", "record.html": b"<p>"},
        )  # fmt: skip


@pytest.fixture
def closed(tmp_path: Path, clock: Any) -> Any:
    closed = Closed(tmp_path / "state", clock)
    yield closed
    closed.store.close()


def ssh_keygen(directory: Path, name: str, signers: str = "allowed_signers") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "holdfast", "-n", "holdfast", "-s", f"{name}.sig"],
        input=(directory / name).read_text(), cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_bundle_holds_and_says_who_vouches_for_the_signer(closed: Closed, tmp_path: Path) -> None:
    copy = shutil.copytree(closed.bundle, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "state" / "runs")
    report = verify_bundle(copy)
    assert (report.run_id, report.records, report.outputs, report.sealed) == ("r1", 5, 1, True)
    assert report.fingerprint == closed.key.fingerprint
    assert not report.trusted
    assert "vouched for by the bundle alone" in report.notes[0]
    assert closed.key.fingerprint in report.notes[0]

    ours = tmp_path / "ours"
    ours.write_text(closed.key.allowed_signers.replace("holdfast ", "ops-team ", 1))
    report = verify_bundle(copy, ours)
    assert (report.trusted, report.signer, report.notes) == (True, "ops-team", ())


def test_a_signer_that_our_own_file_does_not_trust_is_refused(closed: Closed, tmp_path: Path) -> None:
    other = load_or_make_key(tmp_path / "other")
    ours = tmp_path / "ours"
    ours.write_text(other.allowed_signers)
    with pytest.raises(EvidenceError, match=re.escape(f"signed by {closed.key.fingerprint}, which the")) as caught:
        verify_bundle(closed.bundle, ours)
    assert caught.value.first_bad == "seal.json"
    with pytest.raises(UsageError, match="allowed_signers"):
        verify_bundle(closed.bundle, tmp_path / "nothing")


def test_ssh_keygen_and_sha256sum_accept_what_we_wrote_and_refuse_a_change(closed: Closed) -> None:
    for name in ("seal.json", "manifest.json"):
        told = ssh_keygen(closed.bundle, name)
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(
            f'Good "holdfast" signature for holdfast with ED25519 key {closed.key.fingerprint}'
        )
    sums = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    told = subprocess.run(sums, cwd=closed.bundle, capture_output=True, text=True, check=True)
    assert told.stdout.count(": OK") == 8
    seal = closed.bundle / "seal.json"
    seal.write_text(seal.read_text().replace('"count":5', '"count":4'))
    assert ssh_keygen(closed.bundle, "seal.json").returncode != 0


def test_the_readme_s_commands_work(closed: Closed) -> None:
    text = (closed.bundle / "README.txt").read_text()
    commands = [
        line.strip()
        for line in text.splitlines()
        if line.startswith(("  ssh-keygen", "  sha256sum", "  sed", "  tail"))
    ]
    assert len(commands) == 6
    for command in commands:
        told = subprocess.run(["sh", "-c", command], cwd=closed.bundle, capture_output=True, text=True, check=False)
        assert told.returncode == 0, (command, told.stderr)
    assert closed.key.fingerprint in told.stdout
    assert "运行 r1 的证据" in text
    assert closed.key.fingerprint in text


def edit_line(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(bundle: Path) -> None:
        text = (bundle / name).read_text()
        assert old in text
        (bundle / name).write_text(text.replace(old, new, 1))

    return edit


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def edit(bundle: Path) -> None:
        path = bundle / "journal.jsonl"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return edit


@pytest.mark.parametrize(
    ("tamper", "first_bad", "why"),
    [
        (edit_line("journal.jsonl", "备机延迟", "一切正常"), "record 2", "journal.jsonl record 2 was changed"),
        (edit_line("journal.jsonl", '"text":"later"', '"text": "later"'), "record 4", "record 4 can not be read"),
        (lambda b: (b / "journal.jsonl").write_bytes(b"\xff\n"), "record 1", "record 1 can not be read"),
        (lines(lambda ls: ls[:1] + ls[2:]), "record 2", "record 2 is missing: record 3 follows record 1"),
        (lines(lambda ls: [ls[0], ls[2], ls[1], *ls[3:]]), "record 2", "record 2 is out of its place"),
        (lines(lambda ls: ls[:3]), "record 4", "record 4 is missing: the seal says 5 records"),
        (lines(lambda ls: [*ls, ls[-1]]), "record 6", "record 6 is out of its place"),
        (lines(lambda ls: [*ls[:-1], ls[-1][:-1]]), "record 5", "record 5 has lost the end of its line"),
        (edit_line("seal.json", '"count":5', '"count":4'), "seal.json", "signature of seal.json does not hold"),
        (
            edit_line("manifest.json", '"size":2', '"size":3'),
            "manifest.json",
            "signature of manifest.json does not hold",
        ),
        (edit_line("outputs/lag.action.1.out", "lag 3", "lag 0"), "outputs/lag.action.1.out", "was changed"),
        (lambda b: (b / "outputs/lag.action.1.out").unlink(), "outputs/lag.action.1.out", "is missing"),
        (lambda b: (b / "outputs/more.out").write_text("x"), "outputs/more.out", "does not belong there"),
        (lambda b: (b / "note.txt").write_text("x"), "note.txt", "does not belong there"),
        (lambda b: (b / "record.html").unlink(), "record.html", "is missing"),
        (edit_line("record.json", "{}", "[]"), "record.json", "was changed"),
        (edit_line("README.txt", "EVIDENCE", "NOTHING"), "README.txt", "was changed"),
        (lambda b: (b / "journal.jsonl").unlink(), "journal.jsonl", "is missing"),
        (lambda b: (b / "seal.json.sig").unlink(), "seal.json.sig", "is missing"),
        (lambda b: (b / "link").symlink_to("/etc/passwd"), "link", "not a plain file"),
        (lambda b: (b / "sub").mkdir(), "sub", "not a plain file"),
        (lambda b: os.mkfifo(b / "pipe"), "pipe", "not a plain file"),
        (edit_line("allowed_signers", "ssh-ed25519 ", "ssh-ed25519 X"), "allowed_signers", "can not be read"),
    ],
)
def test_a_changed_bundle_is_refused_and_the_first_bad_thing_named(
    closed: Closed, tamper: Callable[[Path], None], first_bad: str, why: str
) -> None:
    tamper(closed.bundle)
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(closed.bundle)
    assert caught.value.first_bad == first_bad
    assert why in caught.value.message


def test_a_bundle_that_was_signed_anew_by_somebody_else_is_refused_by_our_own_signers(
    closed: Closed, tmp_path: Path
) -> None:
    forger = load_or_make_key(tmp_path / "forger")
    for name in ("seal.json", "manifest.json"):
        (closed.bundle / f"{name}.sig").write_text(forger.sign((closed.bundle / name).read_bytes()))
    with pytest.raises(EvidenceError, match="does not trust"):
        verify_bundle(closed.bundle)
    ours = tmp_path / "ours"
    ours.write_text(closed.key.allowed_signers)
    with pytest.raises(EvidenceError, match=re.escape(f"signed by {forger.fingerprint}")):
        verify_bundle(closed.bundle, ours)


def test_no_secret_is_in_a_bundle_or_the_state(closed: Closed, tmp_path: Path) -> None:
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
            assert file.stat().st_mode & 0o077 == 0, file
        elif file.is_dir():
            assert file.stat().st_mode & 0o077 == 0, file


def test_the_store_itself_can_be_checked(closed: Closed, tmp_path: Path, clock: Any) -> None:
    report = verify_store(closed.store, "r1", run_directory=closed.run_directory)
    assert (report.records, report.outputs, report.sealed, report.trusted) == (5, 1, True, False)
    ours = tmp_path / "ours"
    ours.write_text(closed.key.allowed_signers)
    assert verify_store(closed.store, "r1", allowed_signers=ours).trusted
    open_run = JournalWriter.begin(closed.store, RunHeader("r2", NOW, "x", "drill"), clock, Redactor(), "e1")
    open_run.append(EventKind.WARNING, {"text": "x"})
    report = verify_store(closed.store, "r2")
    assert not report.sealed
    assert report.notes == ("the run is not closed: it has no seal",)
    with pytest.raises(UsageError, match="no run r3"):
        verify_store(closed.store, "r3")
    (closed.run_directory / "outputs/lag.action.1.out").write_text("lag 0")
    with pytest.raises(EvidenceError, match="was changed"):
        verify_store(closed.store, "r1", run_directory=closed.run_directory)


def test_a_run_is_sealed_once_and_nothing_follows(closed: Closed, tmp_path: Path, clock: Any) -> None:
    assert seal_run(closed.store, "r1", load_or_make_key(tmp_path / "other")) == closed.seal
    with pytest.raises(Refused, match="closed and sealed"):
        JournalWriter(closed.store, "r1", clock, Redactor(), "e2").append(EventKind.WARNING, {"text": "x"})
    with pytest.raises(Refused, match="no records"):
        seal_run(closed.store, "r9", closed.key)


def test_a_bundle_is_not_begun_where_it_can_not_be_whole(closed: Closed, tmp_path: Path, clock: Any) -> None:
    def write(run_id: str = "r1", **more: Any) -> Path:
        target = more.pop("target", tmp_path / "b")
        return write_bundle(closed.store, run_id, target, key=closed.key, run_directory=closed.run_directory, **more)

    with pytest.raises(Refused, match="not sealed"):
        write("r2")
    with pytest.raises(UsageError, match="is there already"):
        write(target=closed.bundle)
    for name in ("../x", "seal.json", "a/b", ""):
        with pytest.raises(UsageError, match="can not be the name"):
            write(extra={name: b""})
    (closed.run_directory / "outputs/lag.action.1.out").write_text("lag 0")
    with pytest.raises(EvidenceError, match="not the output that the journal names"):
        write()
    (closed.run_directory / "outputs/lag.action.1.out").unlink()
    with pytest.raises(EvidenceError, match="is missing"):
        write()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="can not be written"):
        write(target=tmp_path / "file" / "b")
    assert not (tmp_path / "b").exists()
    assert not list(tmp_path.glob(".b*"))


def test_something_that_is_no_bundle_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UsageError, match="bundle"):
            verify_bundle(path)


def test_the_key_is_opensshs_private_and_made_once(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    key = load_or_make_key(keys)
    assert load_or_make_key(keys).public == key.public
    assert {file.name: file.stat().st_mode & 0o777 for file in keys.iterdir()} == {
        "holdfast_ed25519": 0o600, "holdfast_ed25519.pub": 0o600,
    }  # fmt: skip
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", keys / "holdfast_ed25519"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[:2] == key.line.split()[:2]
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", keys / "holdfast_ed25519.pub"], capture_output=True, text=True, check=True
    )
    assert key.fingerprint in shown.stdout


def test_many_threads_that_make_the_key_at_once_come_to_the_same_one(tmp_path: Path) -> None:
    for number in range(10):
        keys = tmp_path / str(number)
        together = threading.Barrier(16)

        def make(keys: Path = keys, together: threading.Barrier = together) -> bytes:
            together.wait(timeout=30)
            return load_or_make_key(keys).public

        with ThreadPoolExecutor(16) as pool:
            made = [pool.submit(make) for _ in range(16)]
        assert len({one.result() for one in made}) == 1
        assert sorted(file.name for file in keys.iterdir()) == ["holdfast_ed25519", "holdfast_ed25519.pub"]


def test_many_processes_that_make_the_key_at_once_come_to_the_same_one(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from orchestrator.journal.signing import load_or_make_key;"
        "sys.stdin.read(1); print(load_or_make_key(Path(sys.argv[1])).fingerprint)"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "keys")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("g")
        maker.stdin.flush()
    answers = [maker.communicate(timeout=60)[0] for maker in makers]
    assert len(set(answers)) == 1
    assert answers[0].startswith("SHA256:")


def test_a_signature_by_ssh_keygen_is_accepted(tmp_path: Path) -> None:
    from orchestrator.journal.signing import check_signature

    key: SigningKey = load_or_make_key(tmp_path / "keys")
    (tmp_path / "m").write_bytes(b"message")
    sign = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-f",
        tmp_path / "keys" / "holdfast_ed25519",
        "-n",
        "holdfast",
        tmp_path / "m",
    ]
    subprocess.run(sign, check=True, capture_output=True)
    assert (tmp_path / "m.sig").read_text() == key.sign(b"message")
    assert check_signature(b"message", (tmp_path / "m.sig").read_text(), "m") == key.public


def _readable(path: Path) -> None:
    path.chmod(0o644)


def _rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish")


def _rsa(path: Path) -> None:
    path.unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", path], check=True, input=b"y\n", capture_output=True
    )


@pytest.mark.parametrize(
    ("spoil", "why"), [(_readable, "others may read"), (_rubbish, "can not be read"), (_rsa, "not an Ed25519 key")]
)
def test_a_key_that_can_not_be_used_is_said(tmp_path: Path, spoil: Callable[[Path], None], why: str) -> None:
    load_or_make_key(tmp_path)
    spoil(tmp_path / "holdfast_ed25519")
    with pytest.raises(StoreUnavailable, match=why):
        load_or_make_key(tmp_path)


def test_a_big_output_is_kept_from_a_file_with_its_secrets_blotted_out(tmp_path: Path) -> None:
    raw = tmp_path / "out"
    block = b"z" * 1000 + SECRET.encode() + b"\n"
    raw.write_bytes(block * 3000)
    ref = OutputKeeper(tmp_path / "run", Redactor([SECRET]), lambda text: pytest.fail(text)).keep("a--b.action.1", raw)
    assert ref is not None
    kept = (tmp_path / "run" / ref.path).read_bytes()
    assert kept == Redactor([SECRET]).data(block * 3000)
    assert ref.size == len(kept)
    assert json.loads(json.dumps(ref.path)) == "outputs/a--b.action.1.out"


def test_an_output_that_can_not_be_read_or_written_is_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    keeper = OutputKeeper(tmp_path / "run", Redactor(), warnings.append)
    assert keeper.keep("lag.action.1", tmp_path / "nothing") is None
    (tmp_path / "file").write_text("")
    assert OutputKeeper(tmp_path / "file", Redactor(), warnings.append).keep("lag.action.1", [b"x"]) is None
    assert len(warnings) == 2
    assert list((tmp_path / "run" / "outputs").iterdir()) == []
    for ident in ("../x", "a/b", "", ".hidden", "x\n"):
        with pytest.raises(ValueError, match="not a job's ident"):
            keeper.keep(ident, [b"x"])
