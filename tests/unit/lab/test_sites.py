"""What of the hosts lab can be said without a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.lab.sites import base, cgroups, needs, sources, topology
from orchestrator.lab.sites.site import estate, inventory

LISTED = """\
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian-security/ bookworm-security main
https://other.example/tools nodistro main
"""


def test_archives_of_the_release_are_found_each_once_and_others_are_left_out() -> None:
    assert sources.places_of(LISTED, "bookworm") == [
        ("http://mirror.example/debian/", "bookworm"),
        ("http://mirror.example/debian/", "bookworm-updates"),
        ("http://mirror.example/debian-security/", "bookworm-security"),
    ]
    assert sources.places_of(LISTED, "trixie") == []


def test_proxies_are_taken_from_apts_settings() -> None:
    dump = 'Acquire "";\nAcquire::http "";\nAcquire::http::Proxy "http://proxy.example:3128";\n'
    assert sources.proxies_of(dump) == {"http_proxy": "http://proxy.example:3128"}
    assert sources.proxies_of('Acquire::https::Proxy "";\n') == {}


def test_only_debian_will_do() -> None:
    assert sources.release_of({"ID": "debian", "VERSION_CODENAME": "trixie"}) == "trixie"
    with pytest.raises(LabError, match="this is Fedora"):
        sources.release_of({"ID": "fedora", "PRETTY_NAME": "Fedora"})


def test_another_release_or_package_list_is_another_base() -> None:
    recipes = [
        base.Recipe("bookworm", "amd64"),
        base.Recipe("trixie", "amd64"),
        base.Recipe("bookworm", "arm64"),
        base.Recipe("bookworm", "amd64", packages=("sudo",)),
        base.Recipe("bookworm", "amd64", version=99),
    ]
    assert len({recipe.digest for recipe in recipes}) == len(recipes)
    assert base.Recipe("bookworm", "amd64").digest == recipes[0].digest


def test_who_is_not_root_hears_that_first() -> None:
    assert needs.problems(uid=1000) == ["root is needed: hosts are made of namespaces, mounts and loop devices"]


def test_control_groups_are_found_in_both_versions() -> None:
    two = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
    both = (
        "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
        "cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )
    one = both.rsplit("cgroup2 ", 2)[0]
    assert cgroups.hierarchies(two).roots == (Path("/sys/fs/cgroup"),)
    assert cgroups.hierarchies(both).roots == (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/memory"))
    assert cgroups.hierarchies(one).roots == (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/freezer"))
    assert cgroups.hierarchies("proc /proc proc rw 0 0\n").roots == ()


def test_every_name_on_the_machine_carries_the_labs_key() -> None:
    key = topology.key_of(Path("/somewhere"))
    assert key != topology.key_of(Path("/elsewhere"))
    for thing in (*topology.HOSTS, *topology.NETWORKS, *topology.OUTSIDERS, "member.img"):
        found = topology.NAMED.search(f"/srv/disks/{topology.name_of(key, thing)}")
        assert found is not None
        assert found["key"] == key


def test_names_fit_where_the_kernel_keeps_them() -> None:
    assert all(len(leg.link) <= 15 and len(leg.interface) <= 15 for leg in topology.LINKS.values())


def test_addresses_are_different_and_in_their_sites_network() -> None:
    plans = [plan for plan in topology.HOSTS.values() if plan.name != topology.ROUTER]
    assert all(plan.address.startswith(f"{topology.NETWORKS[plan.site]}.") for plan in plans)
    assert len({plan.address for plan in plans} | set(topology.OUTSIDERS.values())) == len(plans) + 2


def test_the_inventory_has_every_host_with_its_login_and_what_parts_add() -> None:
    body = inventory(
        Path("/lab"),
        variables={"db-a": {"pg_port": 5432}, "all": {"orders_port": 8080}},
        groups={"old_primary": ("db-a",)},
    )["all"]
    groups = body["children"]
    assert groups["databases"]["hosts"].keys() == {"db-a", "db-b", "db-w"}
    assert groups["east"]["hosts"].keys() == {"db-a", "db-b", "app-a"}
    assert groups["old_primary"]["hosts"]["db-a"]["pg_port"] == 5432
    assert groups["controllers"]["hosts"]["control"]["ansible_connection"] == "local"
    assert body["vars"]["holdfast_known_hosts"] == "/lab/known_hosts"
    assert body["vars"]["orders_port"] == 8080
    hosts = {name for group in groups.values() for name in group["hosts"]}
    assert hosts == {*topology.HOSTS, "control"}
    assert not hosts & groups.keys()


def test_the_estates_groups_are_in_the_inventory() -> None:
    groups = inventory(Path("/lab"))["all"]["children"]
    orders = estate()["systems"]["orders"]
    assert set(orders["host_groups"]) <= groups.keys()
