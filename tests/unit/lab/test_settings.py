"""What a lab host is configured with, as text."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.lab import settings
from orchestrator.lab.layout import DATABASES, HOSTS, Layout
from orchestrator.lab.ports import free_ports

ODD = Path('/srv/it\'s 100% "odd", really/lab')


@pytest.fixture
def layout() -> Layout:
    return Layout(
        root=Path("/srv/lab"),
        programs=Path("/opt/pg/bin"),
        python="/usr/bin/python3",
        uid=65534,
        gid=65534,
        drops=True,
        ports={"db-a": 15001, "db-b": 15002, "db-r": 15003, "app": 15004},
        sockets={name: f"/srv/lab/{name}/socket" for name in DATABASES},
    )


def _values(text: str) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in text.splitlines())


def test_a_setting_with_quotes_and_backslashes_stays_one_string() -> None:
    assert settings.quoted("it's \\ here") == "'it''s \\\\ here'"


def test_a_path_in_a_server_command_is_one_word_and_no_placeholder() -> None:
    word = settings.shell_word("/a b/100%f;rm -rf '$HOME'")
    assert "%f" not in word.replace("%%", "")
    assert shlex.split(word.replace("%%", "%")) == ["/a b/100%f;rm -rf '$HOME'"]


def test_a_connection_string_keeps_spaces_quotes_and_backslashes() -> None:
    assert settings.conninfo(passfile="/a b/it's\\x", port=1) == "passfile='/a b/it\\'s\\\\x' port='1'"


def test_every_server_listens_on_loopback_only_and_forces_its_data_to_disk(layout: Layout) -> None:
    for name in DATABASES:
        values = _values(settings.postgresql_conf(layout, name, None))
        assert values["listen_addresses"] == "'127.0.0.1'"
        assert values["fsync"] == "'on'"
        assert values["port"] == f"'{layout.ports[name]}'"


def test_nobody_is_trusted_without_a_password() -> None:
    rules = [line.split() for line in settings.hba().splitlines()]
    assert {rule[-1] for rule in rules} == {"scram-sha-256"}


def test_a_rejected_role_is_turned_away_before_any_other_rule() -> None:
    rules = settings.hba(["replicator"]).splitlines()
    assert rules[:2] == ["host all replicator 127.0.0.1/32 reject", "host replication replicator 127.0.0.1/32 reject"]


def test_the_pair_follow_each_other_and_the_restore_target_nobody(layout: Layout) -> None:
    assert settings.standby_of(layout, "db-a") == 15002
    assert settings.standby_of(layout, "db-b") == 15001
    assert settings.standby_of(layout, "db-r") is None


def test_only_the_restore_target_reads_the_archive_and_it_does_not_write_it(layout: Layout) -> None:
    restore = _values(settings.postgresql_conf(layout, "db-r", None))
    assert restore["archive_mode"] == "'off'"
    assert "restore_command" in restore
    for name in ("db-a", "db-b"):
        assert "restore_command" not in _values(settings.postgresql_conf(layout, name, 1))


def test_odd_characters_in_the_labs_path_reach_the_shell_as_one_word(layout: Layout) -> None:
    odd = replace(layout, root=ODD)
    command = settings.effect_command(odd, "promote", "db-b")
    # As PostgreSQL hands it to the shell: placeholders replaced, %% made %.
    words = shlex.split(command.replace("%%", "%"))
    assert words[-2:] == [">>", str(ODD / "effects.log")]


def test_the_runner_refuses_before_it_runs_and_becomes_the_account(layout: Layout) -> None:
    stub, body = settings.runner(layout, "db-b")
    compile(body, "runner", "exec")
    assert shlex.split(stub.splitlines()[1])[:3] == ["exec", "/usr/bin/python3", "-IS"]
    assert body.index("os.path.exists(OFF)") < body.index("os.setresuid(65534") < body.index("os.execv")


def test_no_password_but_the_hosts_own_lies_on_a_host() -> None:
    passwords = {role: f"secret-of-{role}" for role in settings.ROLES}
    assert settings.ROLES_ON["app"] == ("orders",)
    assert "secret-of-postgres" not in settings.passfile(passwords, settings.ROLES_ON["app"])
    assert settings.passfile(passwords, ["backup"]) == "*:*:*:backup:secret-of-backup\n"


def test_a_host_the_lab_does_not_have_is_refused_with_its_hosts_named(layout: Layout) -> None:
    with pytest.raises(LabError, match="no host 'db-z'") as refused:
        layout.host("db-z")
    assert all(name in refused.value.mend for name in HOSTS)


def test_ports_of_other_labs_are_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.lab.ports.is_free", lambda port: True)
    drawn = iter([15000, 15001, 15001, 15002, 15003])
    monkeypatch.setattr("orchestrator.lab.ports.random.randrange", lambda low, high: next(drawn))
    assert free_ports(2, taken={15000, 15002}) == [15001, 15003]
