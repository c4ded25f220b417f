"""Groups of an inventory: who is in which, and whose variables win; no shape of them takes long."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.hosts_file import Groups, read_groups
from orchestrator.documents.reader import read_text
from orchestrator.errors import DocumentError


def groups(text: str) -> Groups:
    return read_groups(read_text(text, "hosts.yml"))


def test_children_bring_their_hosts_once() -> None:
    found = groups("a: {hosts: {h: }, children: {b: , c: }}\nb: {hosts: {i: , h: }}\nc: {hosts: {i: , j: }}\n")
    assert found.members() == {"a": ["h", "i", "j"], "b": ["i", "h"], "c": ["i", "j"], "all": ["h", "i", "j"]}


def test_a_deeper_group_is_laid_over_the_shallower() -> None:
    found = groups("z: {children: {a: {hosts: {h: }}}}\nm: {hosts: {h: }}\n")
    assert found.layers() == {"h": ["m", "z", "a"]}


def test_among_equals_priority_decides_and_then_the_name() -> None:
    found = groups("b: {hosts: {h: }}\na: {hosts: {h: }, vars: {ansible_group_priority: 2}}\nc: {hosts: {h: }}\n")
    assert found.layers() == {"h": ["b", "c", "a"]}


def test_a_host_in_no_group_is_in_ungrouped() -> None:
    found = groups("all: {hosts: {lonely: , h: }, children: {g: {hosts: {h: }}}}\n")
    assert found.members()["ungrouped"] == ["lonely"]
    assert found.layers()["lonely"] == ["ungrouped"]


def test_a_lattice_of_groups_and_a_long_chain_take_no_time() -> None:
    levels = 60
    lattice = "".join(
        f"{side}{n}: {{children: {{a{n + 1}: , b{n + 1}: }}}}\n" for n in range(levels) for side in ("a", "b")
    )
    chain = "".join(f"c{n}: {{children: {{c{n + 1}: }}}}\n" for n in range(5000))
    began = time.process_time()
    found = groups(lattice + f"a{levels}: {{hosts: {{h: }}}}\n" + chain + "c5000: {hosts: {h: }}\n")
    assert found.members()["a0"] == ["h"] and found.members()["c0"] == ["h"]
    assert len(found.layers()["h"]) == 2 * levels + 1 + 5001
    assert time.process_time() - began < 2


NAMES = st.sampled_from(["all", "ungrouped", "a", "b", "c", "x-1"])
BODY = st.recursive(
    st.none() | st.just("t") | st.just(1),
    lambda inner: st.dictionaries(
        st.sampled_from(["hosts", "children", "vars", "a", "b", "plugin"]), inner, max_size=3
    ),
    max_leaves=10,
)


@settings(deadline=None, database=None, max_examples=50)
@given(st.dictionaries(NAMES, BODY, max_size=4))
def test_any_structure_gives_groups_or_problems_with_mends(data: dict[str, object]) -> None:
    import json

    try:
        found = groups(json.dumps(data))
    except DocumentError as error:
        assert all(problem.mend for problem in error.problems)
    else:
        assert set(found.layers()) == set(found.hosts)
