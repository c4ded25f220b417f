"""What Linux's commands print, read into data."""

from __future__ import annotations

from typing import get_args

import pytest

from orchestrator.executors.parsers import PARSERS, NotRead, parsed
from orchestrator.model.matcher import Matcher, unmet
from orchestrator.model.parse_names import Parser

SWAPON = """\
/dev/sda2 partition 2147479552 1073739776   -2
/var/swap file      file       1073737728          0  -3
"""

MEMINFO = """\
MemTotal:        2000000 kB
MemFree:          100000 kB
MemAvailable:     500000 kB
Active(anon):      64000 kB
SwapTotal:       1000000 kB
SwapFree:         250000 kB
HugePages_Total:       3
"""

BTRFS = """\
[/dev/loop1].write_io_errs    0
[/dev/loop1].read_io_errs     0
[/dev/loop1].flush_io_errs    0
[/dev/loop1].corruption_errs  0
[/dev/loop1].generation_errs  0
[devid:2].write_io_errs    12
[devid:2].read_io_errs     3
[devid:2].flush_io_errs    0
[devid:2].corruption_errs  0
[devid:2].generation_errs  0
"""


def test_the_model_names_exactly_the_parsers_there_are() -> None:
    assert get_args(Parser) == tuple(PARSERS)


def test_swap_areas_have_their_use_in_percent() -> None:
    found = parsed("swapon", SWAPON)
    assert found["areas"] == [
        {
            "name": "/dev/sda2",
            "type": "partition",
            "size_bytes": 2147479552,
            "used_bytes": 1073739776,
            "used_percent": 50.0,
            "priority": -2,
        },
        {
            "name": "/var/swap file",
            "type": "file",
            "size_bytes": 1073737728,
            "used_bytes": 0,
            "used_percent": 0.0,
            "priority": -3,
        },
    ]
    assert (found["count"], found["total_bytes"], found["used_percent"]) == (2, 3221217280, 33.3)


def test_swapons_heading_and_units_are_read_too() -> None:
    found = parsed("swapon", "NAME      TYPE      SIZE USED PRIO\n/dev/sda2 partition   2G 512M   -2\n")
    assert (found["total_bytes"], found["used_percent"]) == (2 * 2**30, 25.0)


def test_without_swap_the_use_is_neither_good_nor_bad() -> None:
    found = parsed("swapon", "")
    assert found == {
        "areas": [],
        "count": 0,
        "total_bytes": 0,
        "used_bytes": 0,
        "used_percent": None,
        "filled_percent": 0,
    }
    assert unmet({"used_percent": Matcher(max=70)}, found)


def test_memory_is_in_bytes_with_what_is_left_of_it() -> None:
    found = parsed("meminfo", MEMINFO)
    assert found["MemTotal"] == 2_048_000_000 and found["HugePages_Total"] == 3 and found["Active(anon)"] == 65_536_000
    assert (found["available_percent"], found["swap_used_percent"], found["swap_used_bytes"]) == (25.0, 75.0, 768000000)


def test_btrfs_counters_name_the_failing_device() -> None:
    found = parsed("btrfs_device_stats", BTRFS)
    assert (found["count"], found["errors"], found["failing"]) == (2, 15, ["devid:2"])
    assert unmet({"output.devices.devid:2.read_io_errs": Matcher(equals=3), "errors": Matcher(equals=15)}, found) == []


def test_names_with_values_get_the_type_they_show() -> None:
    text = 'ActiveState=active\nNRestarts=2\nCPUShare=1.5\nMode=0755\nName="a b"\nEmpty=\nCurrent state: ST_STABLE\n'
    assert parsed("key_value", text) == {
        "ActiveState": "active",
        "NRestarts": 2,
        "CPUShare": 1.5,
        "Mode": "0755",
        "Name": "a b",
        "Empty": "",
        "Current state": "ST_STABLE",
    }


def test_a_name_that_is_there_again_keeps_all_its_values() -> None:
    assert parsed("key_value", "a=1\na=2\na=x\nb=c:d=e\n") == {"a": [1, 2, "x"], "b": "c:d=e"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("swapon", "swapon: cannot open /proc/swaps: Permission denied\n"),
        ("swapon", "/dev/sda2 partition many 0 -2\n"),
        ("meminfo", "MemTotal:        2000000 kB\n"),
        ("meminfo", "nothing of the kind\n"),
        ("btrfs_device_stats", ""),
        ("btrfs_device_stats", "ERROR: not a btrfs filesystem: /\n"),
        ("key_value", "just a sentence\n"),
    ],
)
def test_what_the_command_does_not_print_is_refused(name: str, text: str) -> None:
    with pytest.raises(NotRead):
        parsed(name, text)


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("text", ["", "\0\0\0", "x" * 10_000, "a\n" * 10_000, "-" * 40 + "\n", "[" * 10_000, "= = =\n"])
def test_whatever_is_printed_is_read_or_refused(name: str, text: str) -> None:
    try:
        assert isinstance(parsed(name, text), dict)
    except NotRead as refusal:
        assert len(str(refusal)) < 300
