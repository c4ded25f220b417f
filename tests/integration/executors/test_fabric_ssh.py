"""Fabric against a real sshd: one round trip, literal words, secrets, large output, host keys, pools."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Reins, SshHost, inventory_of, keygen, until

from orchestrator.executors.fabric import FabricExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome

pytestmark = pytest.mark.sshd

NASTY = [
    "; touch hurt",
    "$(touch hurt)",
    "`touch hurt`",
    "two\nlines",
    "-oProxyCommand=touch hurt",
    "{{ lookup('pipe','touch hurt') }}",
    "it's",
    '"quoted"',
    "*",
    "\\",
    "",
    "é中文",
    "!history",
    "# whole",
]


@pytest.fixture
def fabric(sshd_host: SshHost) -> Iterator[Callable[..., FabricExecutor]]:
    made: list[FabricExecutor] = []

    def make(*hosts: Host, **groups: tuple[str, ...]) -> FabricExecutor:
        made.append(FabricExecutor(inventory_of(*hosts, **groups), sshd_host.settings))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.fixture(params=["ssh", "local"])
def target(request: pytest.FixtureRequest, sshd_host: SshHost) -> Host:
    """The same promises over ssh and on this machine."""
    return sshd_host.host() if request.param == "ssh" else Host("target", {"ansible_connection": "local"})


def left_behind(sshd_host: SshHost, job: Job) -> list[Path]:
    base = sshd_host.home / ".holdfast" / "jobs" / job.run_id
    return list(base.iterdir()) if base.exists() else []


def out(job: Job) -> bytes:
    return (Path(job.directory) / "out").read_bytes()


def test_a_json_object_becomes_the_output_and_the_complete_text_is_left_in_out(
    fabric: Any, target: Host, make_job: Callable[..., Job]
) -> None:
    job = make_job("fabric", {"host": "target", "argv": ["printf", '{"lag_s": 3}\n']})
    outcome = fabric(target).run(job, Reins())
    assert outcome == Outcome(Ending.OK, output={"lag_s": 3, "rc": 0, "stdout": '{"lag_s": 3}\n'})
    assert out(job) == b'{"lag_s": 3}\n'
    assert (Path(job.directory) / "out").stat().st_mode & 0o777 == 0o600


def test_every_word_of_the_command_stays_literal(fabric: Any, target: Host, make_job: Callable[..., Job]) -> None:
    job = make_job("fabric", {"host": "target", "argv": ["printf", "<%s>", *NASTY], "parse": "text"})
    outcome = fabric(target).run(job, Reins())
    assert outcome.output["stdout"] == "".join(f"<{word}>" for word in NASTY)
    assert outcome.ok


def test_environment_and_stdin_arrive_exactly(fabric: Any, target: Host, make_job: Callable[..., Job]) -> None:
    for word in NASTY:
        job = make_job(
            "fabric",
            {
                "host": "target",
                "argv": ["sh", "-c", 'printf "%s|" "$PLANTED"; cat'],
                "env": {"PLANTED": word},
                "stdin": f"{word}\n\n",
                "parse": "text",
            },
            step=f"s{NASTY.index(word)}",
        )
        assert fabric(target).run(job, Reins()).output["stdout"] == f"{word}|{word}\n\n"


def test_the_exit_code_and_the_last_words_tell_a_failure(
    fabric: Any, target: Host, make_job: Callable[..., Job]
) -> None:
    job = make_job("fabric", {"host": "target", "argv": ["sh", "-c", "echo some; echo no disk >&2; exit 3"]})
    outcome = fabric(target).run(job, Reins())
    assert (outcome.ending, outcome.output["rc"]) == (Ending.FAILED, 3)
    assert outcome.error == "exit code 3: no disk"
    assert out(job) == b"some\n--- stderr ---\nno disk\n"


def test_a_missing_program_says_so(fabric: Any, target: Host, make_job: Callable[..., Job]) -> None:
    outcome = fabric(target).run(make_job("fabric", {"host": "target", "argv": ["no-such-program"]}), Reins())
    assert outcome.ending is Ending.FAILED
    assert "no such program" in outcome.error


def test_wanted_json_that_is_none_fails(fabric: Any, target: Host, make_job: Callable[..., Job]) -> None:
    spec = {"host": "target", "argv": ["echo", "hello"], "parse": "json"}
    outcome = fabric(target).run(make_job("fabric", spec), Reins())
    assert outcome.ending is Ending.FAILED
    assert "did not print JSON" in outcome.error


def test_the_command_runs_with_the_accounts_umask_and_in_a_session_of_its_own(
    fabric: Any, target: Host, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    spec = {"host": "target", "argv": ["sh", "-c", f"touch {tmp_path}/made; ps -o sid= -p $$; echo $$"]}
    outcome = fabric(target).run(make_job("fabric", spec), Reins())
    sid, pid = outcome.output["stdout"].split()
    assert sid == pid
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o666 & ~umask


def test_large_output_is_complete_and_the_outputs_part_of_it_small(
    fabric: Any, target: Host, make_job: Callable[..., Job]
) -> None:
    script = "head -c 20000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2"
    job = make_job("fabric", {"host": "target", "argv": ["sh", "-c", script]})
    outcome = fabric(target).run(job, Reins(60))
    assert outcome.ok
    assert outcome.output["stdout"] == "x" * 4096
    assert out(job) == b"x" * 20_000_000 + b"--- stderr ---\n" + b"y" * 3_000_000


def test_a_large_stdin_arrives(fabric: Any, target: Host, make_job: Callable[..., Job]) -> None:
    spec = {"host": "target", "argv": ["wc", "-c"], "stdin": "a'b\n" * 700_000}
    assert fabric(target).run(make_job("fabric", spec), Reins()).output["stdout"].strip() == "2800000"


def test_secrets_of_environment_and_stdin_are_in_no_process_list_and_no_file(
    fabric: Any, target: Host, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    secret = "pl4nted-s3cret"
    spec = {
        "host": "target",
        "argv": [
            "sh",
            "-c",
            f"touch {tmp_path}/here; cat >/dev/null; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done",
        ],
        "env": {"PLANTED": secret},
        "stdin": secret,
    }
    job = make_job("fabric", spec)
    executor, ended = fabric(target), []
    thread = threading.Thread(target=lambda: ended.append(executor.run(job, Reins())))
    thread.start()
    until((tmp_path / "here").exists)
    seen = [
        entry.read_bytes()
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if entry.exists() and entry.parent.name != str(os.getpid())
    ]
    files = [
        path
        for root in (sshd_host.home, Path(job.directory))
        for path in root.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
    (tmp_path / "go").touch()
    thread.join()
    assert ended[0].ok
    assert not [line for line in seen if secret.encode() in line]
    assert files == []


def test_nothing_is_left_on_the_target_and_what_stands_there_is_private(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost
) -> None:
    show = 'ls -ld "$HOME"/.holdfast/jobs "$HOME"/.holdfast/jobs/* "$HOME"/.holdfast/jobs/*/* | cut -c1-10'
    job = make_job("fabric", {"host": "target", "argv": ["sh", "-c", show]})
    executor = fabric(sshd_host.host())
    outcome = executor.run(job, Reins())
    assert set(outcome.output["stdout"].split()) == {"drwx------", "-rw-------"}
    assert {entry.name.rpartition(".")[0] for entry in left_behind(sshd_host, job)} == {"s.action.1@target"}, (
        "until kept"
    )
    executor.kept(job)
    until(lambda: not left_behind(sshd_host, job), what="nothing left on the target")


def test_one_connection_serves_many_jobs_at_once_also_beyond_the_servers_sessions(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost
) -> None:
    executor = fabric(sshd_host.host())
    jobs = [make_job("fabric", {"host": "target", "argv": ["sleep", "0.5"]}, step=f"s{n}") for n in range(14)]
    ended: list[Outcome] = []
    threads = [threading.Thread(target=lambda j=job: ended.append(executor.run(j, Reins()))) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.ending for outcome in ended] == [Ending.OK] * 14


def test_a_groups_hosts_work_in_parallel_and_one_failure_fails_it(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    # Each waits for the other: one after the other they would never end.
    meet = f"touch {tmp_path}/$$; n=0; while [ $(ls {tmp_path}/[0-9]* | wc -l) -lt 2 ]; do sleep 0.05; done; echo met"
    executor = fabric(sshd_host.host("a"), sshd_host.host("b"), both=("a", "b"))
    job = make_job("fabric", {"host": "both", "argv": ["sh", "-c", meet]})
    outcome = executor.run(job, Reins())
    assert outcome.ok, outcome
    assert {host: seen["stdout"] for host, seen in outcome.output["hosts"].items()} == {"a": "met\n", "b": "met\n"}
    assert out(job) == b"=== a ===\nmet\n=== b ===\nmet\n"

    once = f"mkdir {tmp_path}/once"
    outcome = executor.run(make_job("fabric", {"host": "both", "argv": ["sh", "-c", once]}, step="t"), Reins())
    assert outcome.ending is Ending.FAILED
    assert "exit code 1" in outcome.error
    assert sorted(seen["rc"] for seen in outcome.output["hosts"].values()) == [0, 1]


def test_an_unknown_host_key_is_refused_with_its_fingerprint_and_the_mend(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    host = sshd_host.host(holdfast_known_hosts=str(empty), ansible_ssh_common_args="-o StrictHostKeyChecking=no")
    job = make_job("fabric", {"host": "target", "argv": ["touch", str(tmp_path / "hurt")]})
    outcome = fabric(host).run(job, Reins())
    assert outcome.ending is Ending.FAILED
    assert "is not known; it shows ssh-ed25519 SHA256:" in outcome.error
    assert "ssh-keyscan" in outcome.mend and str(empty) in outcome.mend
    assert empty.read_text() == ""
    assert not (tmp_path / "hurt").exists()


def test_a_changed_host_key_is_refused_with_the_mend(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    known, other = tmp_path / "known_hosts", keygen(tmp_path / "other").with_suffix(".pub").read_text()
    known.write_text(f"[127.0.0.1]:{sshd_host.port} {other}")
    job = make_job("fabric", {"host": "target", "argv": ["true"]})
    outcome = fabric(sshd_host.host(holdfast_known_hosts=str(known))).run(job, Reins())
    assert outcome.ending is Ending.FAILED
    assert "has changed" in outcome.error and outcome.error.count("SHA256:") == 2
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd_host.port}'" in outcome.mend


def test_a_jump_host_of_the_inventory_is_used_and_its_key_checked(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    jump = f"-J {sshd_host.user}@127.0.0.1:{sshd_host.port}"
    job = make_job("fabric", {"host": "target", "argv": ["sh", "-c", "echo $SSH_CONNECTION"]})
    outcome = fabric(sshd_host.host(ansible_ssh_common_args=jump)).run(job, Reins())
    assert outcome.ok, outcome
    empty = tmp_path / "known_hosts"
    empty.touch()
    host = sshd_host.host(ansible_ssh_common_args=jump, holdfast_known_hosts=str(empty))
    outcome = fabric(host).run(make_job("fabric", job.spec, step="t"), Reins())
    assert outcome.ending is Ending.FAILED
    assert "is not known" in outcome.error


def test_code_in_the_inventory_is_not_run(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    hurt = f"-o 'ProxyCommand=touch {tmp_path}/hurt'"
    job = make_job("fabric", {"host": "target", "argv": ["true"]})
    outcome = fabric(sshd_host.host(ansible_ssh_common_args=hurt)).run(job, Reins())
    assert outcome.ending is Ending.FAILED
    assert "that is code" in outcome.error and "ProxyJump" in outcome.mend
    assert not (tmp_path / "hurt").exists()


def test_a_host_that_is_not_there_fails_in_time_with_nothing_begun(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost
) -> None:
    from executors_kit import free_port

    job = make_job("fabric", {"host": "target", "argv": ["true"]})
    outcome = fabric(sshd_host.host(port=free_port())).run(job, Reins())
    assert outcome.ending is Ending.FAILED
    assert "not reachable over ssh" in outcome.error and outcome.mend


def test_a_login_that_is_refused_says_whom_and_how_to_try(
    fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost, tmp_path: Path
) -> None:
    stranger = keygen(tmp_path / "stranger")
    host = sshd_host.host(ansible_ssh_private_key_file=str(stranger))
    outcome = fabric(host).run(make_job("fabric", {"host": "target", "argv": ["true"]}), Reins())
    assert outcome.ending is Ending.FAILED
    assert f"does not let {sshd_host.user} in" in outcome.error and "ssh -p" in outcome.mend


def test_a_name_that_matches_no_host_fails(fabric: Any, make_job: Callable[..., Job], sshd_host: SshHost) -> None:
    outcome = fabric(sshd_host.host()).run(make_job("fabric", {"host": "nobody", "argv": ["true"]}), Reins())
    assert outcome.ending is Ending.FAILED
    assert "no host or group 'nobody'" in outcome.error


def test_check_finds_a_missing_program_and_starts_nothing(
    fabric: Any, target: Host, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    executor = fabric(target)
    good = make_job("fabric", {"host": "target", "argv": ["touch", str(tmp_path / "hurt")]})
    assert executor.check(good, Reins()).ok
    bad = executor.check(make_job("fabric", {"host": "target", "argv": ["no-such-program"]}), Reins())
    assert bad.ending is Ending.FAILED
    assert "no program 'no-such-program'" in bad.error and "PATH" in bad.mend
    # A word the shell knows, but no program is: exec would not find it either.
    assert executor.check(make_job("fabric", {"host": "target", "argv": ["hf_main"]}), Reins()).ending is Ending.FAILED
    assert not (tmp_path / "hurt").exists()
    assert not Path(good.directory).exists()
