"""What the hands leave on disk: the outcome, redacted, and the proof of it until the journal has the end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.engine.ports import Finished
from orchestrator.errors import StoreUnavailable
from orchestrator.executors import jobdir
from orchestrator.executors.contract import Control
from orchestrator.executors.hands import ThreadHands, ThreadMailbox
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, OutputRef, failed, ok, unknown
from orchestrator.model.redaction import Redactor

MakeJob = Callable[..., Job]
SECRET = "s3cr3t-word"


class SystemClock:
    def wall(self) -> datetime:
        return datetime.now(UTC)

    def mono(self) -> float:
        return time.monotonic()


class Writer:
    """Makes its directory, leaves raw output and a secret file there, and ends as told."""

    def __init__(self, ending: Outcome | Exception, attached: Outcome | None = None) -> None:
        self.ending = ending
        self.attached = attached or Outcome(Ending.GONE)
        self.runs = 0
        self.told: list[str] = []

    def run(self, job: Job, control: Control) -> Outcome:
        self.runs += 1
        directory = Path(job.directory)
        jobdir.make(directory)
        (directory / "out").write_text(f"the password is {SECRET}\n")
        (directory / "private").mkdir()
        (directory / "private" / "extravars").write_text(SECRET)
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending

    def attach(self, job: Job, control: Control) -> Outcome:
        return self.attached

    def check(self, job: Job, control: Control) -> Outcome:
        return ok()

    def kept(self, job: Job) -> None:
        self.told.append(job.ident)


class Kept:
    """The journal's place for outputs, in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def __call__(self, ident: str, path: Path) -> OutputRef | None:
        self.texts[ident] = Redactor([SECRET]).text(path.read_text())
        return OutputRef(f"outputs/{ident}", "0" * 64, len(self.texts[ident]))


@pytest.fixture
def kept() -> Kept:
    return Kept()


def hands_for(executor: Writer, keep: Callable[[str, Path], OutputRef | None]) -> tuple[ThreadHands, ThreadMailbox]:
    mailbox = ThreadMailbox()
    return ThreadHands({"writer": executor}, mailbox, SystemClock(), Redactor([SECRET]), keep), mailbox


def done(executor: Writer, job: Job, keep: Callable[[str, Path], OutputRef | None], *, attach: bool = False) -> Outcome:
    hands, mailbox = hands_for(executor, keep)
    (hands.attach if attach else hands.begin)(job)
    notice = mailbox.get(60.0)
    assert isinstance(notice, Finished)
    return notice.outcome


def left(job: Job) -> list[str]:
    return sorted(entry.name for entry in Path(job.directory).iterdir())


def test_the_output_is_kept_and_a_redacted_outcome_beside_the_proof(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    outcome = done(Writer(ok(password=SECRET, lag_s=3)), job, kept)
    assert outcome.ref == OutputRef("outputs/s.action.1", "0" * 64, 27)
    assert kept.texts == {"s.action.1": "the password is [redacted]\n"}
    assert left(job) == ["out", "outcome.json", "private"]
    body = json.loads((Path(job.directory) / "outcome.json").read_text())
    assert body["output"] == {"password": "[redacted]", "lag_s": 3}
    assert (Path(job.directory) / "outcome.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ended", [ok(), failed("it could not")])
def test_nothing_stays_once_the_end_is_in_the_journal(make_job: MakeJob, kept: Kept, ended: Outcome) -> None:
    job, writer = make_job("writer", {}, changes=True), Writer(ended)
    hands, mailbox = hands_for(writer, kept)
    hands.begin(job)
    assert mailbox.get(60.0) is not None
    assert writer.told == []
    hands.forget(job)
    assert not Path(job.directory).exists() and writer.told == [job.ident]
    hands.detach()
    assert writer.told == [job.ident]


def test_an_unknown_end_is_all_that_stays_though_the_journal_has_it(make_job: MakeJob, kept: Kept) -> None:
    job, writer = make_job("writer", {}, changes=True), Writer(unknown("the link was cut"))
    hands, mailbox = hands_for(writer, kept)
    hands.begin(job)
    assert mailbox.get(60.0) is not None
    assert left(job) == ["outcome.json"] and writer.told == [job.ident]
    hands.forget(job)
    assert left(job) == ["outcome.json"] and writer.told == [job.ident]


def test_of_an_end_that_no_journal_gets_only_the_outcome_stays(make_job: MakeJob, kept: Kept) -> None:
    job, writer = make_job("writer", {}, changes=True), Writer(ok(lag_s=3))
    hands, mailbox = hands_for(writer, kept)
    hands.begin(job)
    assert mailbox.get(60.0) is not None
    assert hands.detach() == []
    assert left(job) == ["outcome.json"] and writer.told == [job.ident]
    assert done(Writer(ok(lag_s=99)), job, kept, attach=True).output == {"lag_s": 3}


def test_an_outcome_that_was_not_journaled_is_found_and_the_work_not_done_again(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    first = done(Writer(ok(lag_s=3)), job, kept)
    again = Writer(ok(lag_s=99))
    assert done(again, job, kept, attach=True) == first
    assert done(again, job, kept) == first
    assert again.runs == 0


def test_an_outcome_that_cannot_be_read_is_in_doubt(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    done(Writer(ok()), job, kept)
    (Path(job.directory) / "outcome.json").write_text("")
    assert done(Writer(ok()), job, kept, attach=True).ending is Ending.GONE


def test_a_job_that_was_left_running_keeps_everything(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    done(Writer(Outcome(Ending.LEFT)), job, kept)
    assert left(job) == ["out", "private"]
    assert kept.texts == {}


def test_a_job_in_doubt_keeps_everything_and_its_output_so_far_is_told(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    done(Writer(Outcome(Ending.LEFT)), job, kept)
    outcome = done(Writer(ok()), job, kept, attach=True)
    assert outcome.ending is Ending.GONE and outcome.ref is not None
    assert left(job) == ["out", "private"]


def test_what_never_started_can_be_begun_with_the_same_ident(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    done(Writer(Outcome(Ending.LEFT)), job, kept)
    assert done(Writer(ok(), Outcome(Ending.NOT_STARTED)), job, kept, attach=True).ending is Ending.NOT_STARTED
    assert not Path(job.directory).exists()
    assert done(Writer(ok()), job, kept).ok


def test_a_job_whose_directory_is_there_already_is_not_begun(make_job: MakeJob, kept: Kept) -> None:
    job = make_job("writer", {}, changes=True)
    done(Writer(Outcome(Ending.LEFT)), job, kept)
    outcome = done(Writer(ok()), job, kept)
    assert outcome.ending is Ending.UNKNOWN and "FileExistsError" in outcome.error


@pytest.mark.parametrize(("changes", "ending"), [(True, Ending.UNKNOWN), (False, Ending.FAILED)])
def test_a_broken_executor_leaves_an_outcome_too(make_job: MakeJob, kept: Kept, changes: bool, ending: Ending) -> None:
    job = make_job("writer", {}, changes=changes)
    outcome = done(Writer(RuntimeError(f"broke on {SECRET}")), job, kept)
    assert outcome.ending is ending and SECRET not in outcome.error
    assert left(job) == (["out", "outcome.json", "private"] if ending is Ending.FAILED else ["outcome.json"])


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), StoreUnavailable("no space")])
def test_output_that_cannot_be_kept_does_not_change_the_end(make_job: MakeJob, error: Exception) -> None:
    def full(ident: str, path: Path) -> OutputRef | None:
        raise error

    job = make_job("writer", {}, changes=True)
    outcome = done(Writer(ok(lag_s=3)), job, full)
    assert outcome.ok and "could not be kept" in outcome.error
    assert left(job) == ["out", "outcome.json", "private"]


def test_an_outcome_that_cannot_be_kept_is_told_all_the_same(
    make_job: MakeJob, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobdir, "write_at_once", full)
    job = make_job("writer", {}, changes=True)
    outcome = done(Writer(ok(lag_s=3)), job, kept)
    assert outcome.ok and outcome.output == {"lag_s": 3} and "No space left" in outcome.error
    assert "out" not in left(job)


def test_a_sweep_shreds_what_an_ended_run_left(make_job: MakeJob, run_dir: Path, kept: Kept) -> None:
    done(Writer(ok()), make_job("writer", {}, step="a"), kept)
    done(Writer(Outcome(Ending.LEFT)), make_job("writer", {}, step="b"), kept)
    assert jobdir.sweep(run_dir) == ("a.action.1", "b.action.1")
    assert list((run_dir / "jobs").iterdir()) == []
    assert jobdir.sweep(run_dir / "nowhere") == ()


def test_shredding_overwrites_files_and_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("keep me")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/secret").write_text(SECRET * 20_000)
    (tmp_path / "dir/link").symlink_to(tmp_path / "outside")
    (tmp_path / "dir/up").symlink_to(tmp_path)
    os.link(tmp_path / "outside", tmp_path / "dir/second-name")
    os.mkfifo(tmp_path / "dir/pipe")
    with (tmp_path / "dir/secret").open("rb") as still_open:
        jobdir.shred(tmp_path / "dir")
        assert still_open.read().strip(b"\0") == b""
    assert (tmp_path / "outside").read_text() == "keep me"
    assert not (tmp_path / "dir").exists()


def test_many_jobs_that_touch_the_disk(make_job: MakeJob, kept: Kept) -> None:
    mailbox = ThreadMailbox()
    hands = ThreadHands({"writer": Writer(ok())}, mailbox, SystemClock(), Redactor([SECRET]), kept)
    for number in range(200):
        hands.begin(make_job("writer", {}, step=f"s{number}"))
    notices = [mailbox.get(60.0) for _ in range(200)]
    assert all(isinstance(notice, Finished) and notice.outcome.ok for notice in notices)
    assert len(kept.texts) == 200
