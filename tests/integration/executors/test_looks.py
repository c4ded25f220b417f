"""Many looks at once, on this machine: what is seen, what falls short, and what could not be looked at."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from executors_kit import SshHost, free_port, inventory_of

from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.looks import AT_ONCE, Answer, Asked, Looks
from orchestrator.model.diagnosis import Sighting
from orchestrator.model.inventory import Host
from orchestrator.wiring.clock import SystemClock

HOLDS, SHORT, UNSEEN = Sighting.HOLDS, Sighting.FALLS_SHORT, Sighting.UNSEEN
LOCAL = {"ansible_connection": "local"}


@pytest.fixture
def looks(sshd_host: SshHost) -> Iterator[Looks]:
    hosts = [Host("here", LOCAL), Host("there", LOCAL), sshd_host.host("far")]
    connections = Connections(sshd_host.settings)
    inventory = inventory_of(
        *hosts, Host("dead", {**sshd_host.vars(), "ansible_port": free_port()}), both=("here", "there")
    )
    yield Looks(inventory, SystemClock(), connections)
    connections.close()


@pytest.fixture
def one(looks: Looks) -> Callable[..., Answer]:
    def take(kind: str, spec: dict[str, Any], timeout: float = 10.0, **expect: Any) -> Answer:
        return looks.take([Asked(kind, spec, expect, timeout)], 20.0)[0]

    return take


def command(*argv: str, target: str = "here", **more: Any) -> dict[str, Any]:
    return {"command": list(argv), "target": target, **more}


@pytest.mark.parametrize("target", ["here", "far"])
def test_a_command_is_seen_here_and_over_ssh(one: Callable[..., Answer], target: str) -> None:
    found = one("probe", command("printf", '{"lag": 3}', target=target), lag={"max": 5})
    assert (found.sighting, found.seen, found.told) == (HOLDS, {"lag": 3}, "")
    found = one("probe", command("printf", '{"lag": 9}', target=target), lag={"max": 5})
    assert (found.sighting, found.seen, found.told) == (SHORT, {"lag": 9}, "lag: wanted at most 5, got 9")
    assert found.at.endswith("Z") and found.took_s > 0


def test_an_exit_code_is_seen_but_a_missing_program_is_not(one: Callable[..., Answer]) -> None:
    assert one("probe", command("false")).sighting is SHORT
    assert one("probe", command("false"), rc=1).sighting is HOLDS
    found = one("probe", command("no-such-program-at-all"), rc={"min": 1})
    assert found.sighting is UNSEEN and "no such program" in found.told
    found = one("fabric", {"host": "here", "argv": ["/etc/passwd"]})
    assert found.sighting is UNSEEN and "not allowed" in found.told


def test_what_is_not_read_by_its_parser_was_not_seen(one: Callable[..., Answer]) -> None:
    assert one("probe", command("echo", "what?", parse="swapon"), count=0).sighting is UNSEEN
    assert one("fabric", {"host": "here", "argv": ["echo", "what?"], "parse": "json"}).sighting is UNSEEN
    assert one("fabric", {"host": "here", "argv": ["true"], "parse": "swapon"}, count=0).sighting is HOLDS


def test_a_command_on_a_group_is_seen_only_where_every_host_answered(one: Callable[..., Answer]) -> None:
    found = one("fabric", {"host": "both", "argv": ["printf", '{"n": 1}']}, **{"output.hosts.there.n": 1})
    assert found.sighting is HOLDS
    assert one("fabric", {"host": "both", "argv": ["true"]}).sighting is HOLDS
    assert one("fabric", {"host": "both", "argv": ["false"]}).sighting is SHORT


def test_a_host_that_lets_nobody_in_was_not_seen(one: Callable[..., Answer]) -> None:
    for kind, spec in (("probe", command("true", target="dead")), ("fabric", {"host": "dead", "argv": ["true"]})):
        found = one(kind, spec)
        assert found.sighting is UNSEEN and found.told


def test_a_closed_port_is_seen(one: Callable[..., Answer]) -> None:
    found = one("probe", {"tcp": {"address": f"127.0.0.1:{free_port()}"}})
    assert (found.sighting, found.seen) == (SHORT, {"open": False})


def test_a_server_that_never_answers_is_not_seen_and_holds_nobody_up(looks: Looks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        asked = [
            Asked("probe", {"http": {"url": url, "timeout": 60.0}}, {}, 1.0),
            Asked("probe", command("sleep", "60"), {}, 1.0),
            Asked("probe", command("true"), {}, 10.0),
        ]
        began = time.monotonic()
        found = looks.take(asked, 30.0)
    assert [one.sighting for one in found] == [UNSEEN, UNSEEN, HOLDS]
    assert time.monotonic() - began < 50


def test_the_time_for_all_looks_is_kept_also_with_many(looks: Looks) -> None:
    asked = [Asked("probe", command("sleep", "0.05"), {}, 10.0) for _ in range(AT_ONCE + 8)]
    assert {one.sighting for one in looks.take(asked, 60.0)} == {HOLDS}
    began = time.monotonic()
    found = looks.take([Asked("probe", command("sleep", "60"), {}, 30.0)] * 3, 1.0)
    assert {one.sighting for one in found} == {UNSEEN}
    assert time.monotonic() - began < 50


def test_an_expectation_that_is_none_is_no_sight(one: Callable[..., Answer]) -> None:
    found = one("probe", command("true"), rc={"matches": "("})
    assert found.sighting is UNSEEN and "regular expression" in found.told


def test_long_values_are_cut_in_the_evidence(one: Callable[..., Answer]) -> None:
    found = one("probe", command("printf", "x%.0s", *map(str, range(2000))), stdout={"contains": "x"})
    assert found.sighting is HOLDS and len(found.seen["stdout"]) == 300
