"""What gets through to Ansible, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import ExecutorError
from orchestrator.executors.ansible_request import hosts_of, tags_of, unsafe
from orchestrator.model.actions import AnsibleAction
from orchestrator.model.inventory import Host, Inventory

INVENTORY = Inventory(
    "hosts.yml",
    {name: Host(name) for name in ("a", "b", "c")},
    {"primaries": ("a",), "standbys": ("b", "c")},
)


@pytest.mark.parametrize("text", ["{{ lookup('pipe','id') }}", "{% if 1 %}x", "plain", "", "; id", "a\nb", "$(id)"])
def test_every_text_is_marked_as_data(text: str) -> None:
    marked = {"__ansible_unsafe": text}
    assert unsafe(text) == marked
    assert unsafe({"k": [text, {"deep": text}]}) == {"k": [marked, {"deep": marked}]}


@pytest.mark.parametrize("value", [True, False, 0, 3, 2.5, None])
def test_what_is_no_text_stays_as_it_is(value: Any) -> None:
    assert unsafe(value) is value


def test_tuples_and_other_objects_become_plain_data() -> None:
    from datetime import date

    assert unsafe((1, date(2026, 5, 1))) == [1, {"__ansible_unsafe": "2026-05-01"}]


@pytest.mark.parametrize("key", ["__ansible_unsafe", "__ansible_vault", "__ansible_type"])
def test_data_that_imitates_ansibles_own_marks_is_refused(key: str) -> None:
    with pytest.raises(ExecutorError, match="means something to Ansible"):
        unsafe({"nested": [{key: "x"}]})


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        ("a", "a"),
        ("standbys", "bc"),
        ("all", "abc"),
        ("a,b", "ab"),
        ("primaries:standbys", "abc"),
        ("all:!primaries", "bc"),
        ("all:&standbys:!c", "b"),
    ],
)
def test_a_limit_names_hosts_and_groups(limit: str, names: str) -> None:
    assert "".join(host.name for host in hosts_of(limit, INVENTORY)) == names


@pytest.mark.parametrize(
    "limit",
    ["@/etc/passwd", "~.*", "a*", "*", "-o", "--check", "a b", "d", "", "a[0]", "a,", "{{ x }}", "a\n", "$(id)"],
)
def test_a_limit_that_is_no_known_name_is_refused(limit: str) -> None:
    with pytest.raises(ExecutorError, match="no host or group"):
        hosts_of(limit, INVENTORY)


def test_a_limit_that_leaves_nobody_is_refused() -> None:
    with pytest.raises(ExecutorError, match="leaves no host"):
        hosts_of("a:!primaries", INVENTORY)


@pytest.mark.parametrize("tag", ["-x", "a,b", "a b", "", "$(id)", "a\n"])
def test_a_tag_that_is_no_plain_name_is_refused(tag: str) -> None:
    with pytest.raises(ExecutorError, match="is not a tag"):
        tags_of(AnsibleAction(playbook="p.yml", limit="a", tags=(tag,)))


def test_plain_tags_get_through() -> None:
    assert tags_of(AnsibleAction(playbook="p.yml", limit="a", tags=("fence", "step-2"))) == ("fence", "step-2")
