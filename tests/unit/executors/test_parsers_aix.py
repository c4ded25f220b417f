"""What AIX, PowerHA and Db2 print, as their documentation shows it, read into data."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.executors.parsers import NotRead, parsed
from orchestrator.model.matcher import Matcher, unmet

LSPS_A = """\
Page Space      Physical Volume   Volume Group    Size %Used   Active    Auto    Type   Chksum
paging00        hdisk1            datavg        1024MB    25      yes     yes      lv        0
hd6             hdisk0            rootvg         512MB    91      yes     yes      lv        0
paging01        hdisk1            datavg         512MB     0       no      no      lv        0
"""
LSPS_A_OLD = """\
Page Space  Physical Volume   Volume Group    Size   %Used  Active  Auto  Type
hd6         hdisk0            rootvg         512MB       1     yes   yes    lv
"""
LSPS_S = """\
Total Paging Space   Percent Used
      1536MB              47%
"""
LSVG = """\
VOLUME GROUP:       datavg                   VG IDENTIFIER:  00c8d2a400004c000000018f2b6c7d11
VG STATE:           active                   PP SIZE:        128 megabyte(s)
VG PERMISSION:      read/write               TOTAL PPs:      799 (102272 megabytes)
MAX LVs:            256                      FREE PPs:       100 (12800 megabytes)
LVs:                6                        USED PPs:       699 (89472 megabytes)
OPEN LVs:           6                        QUORUM:         2 (Enabled)
"""
LSSRC = """\
Subsystem         Group            PID          Status
 clstrmgrES       cluster          5963978      active
 clinfoES         cluster                       inoperative
 ctrmc            rsct             4194566      active
"""
ERRPT = """\
IDENTIFIER TIMESTAMP  T C RESOURCE_NAME  DESCRIPTION
1581762B   1122140526 P H hdisk3         DISK OPERATION ERROR
C5C09FFA   1122140126 P S SYSVMM         SOFTWARE PROGRAM ABNORMALLY TERMINATED
A6DF45AA   1121235926 I O RMCdaemon      The daemon is started.
"""
ERRPT_A = """\
---------------------------------------------------------------------------
LABEL:          DISK_ERR4
IDENTIFIER:     1581762B

Date/Time:       Sun Nov 22 14:05:10 CST 2026
Sequence Number: 1234
Machine Id:      00C8D2A44C00
Node Id:         nodea
Class:           H
Type:            PERM
WPAR:            Global
Resource Name:   hdisk3
Resource Class:  disk
Resource Type:   scsd

Description
DISK OPERATION ERROR

Probable Causes
MEDIA
DASD DEVICE

Detail Data
SENSE DATA
---------------------------------------------------------------------------
LABEL:          PGSP_KILL
IDENTIFIER:     C5C09FFA

Date/Time:       Sun Nov 22 14:01:00 CST 2026
Sequence Number: 1233
Machine Id:      00C8D2A44C00
Node Id:         nodea
Class:           S
Type:            PERM
WPAR:            Global
Resource Name:   SYSVMM

Description
SOFTWARE PROGRAM ABNORMALLY TERMINATED
"""
CLRGINFO = """\
-----------------------------------------------------------------------------
Group Name                   State            Node
-----------------------------------------------------------------------------
rg_orders                    OFFLINE          nodea
                             ONLINE           nodeb

rg_web                       ONLINE           nodea
                             OFFLINE DUE TO FALLOVER  nodeb
"""
CLRGINFO_V = """\
Cluster Name: orders_cluster

Resource Group Name: rg_orders
Startup Policy: Online On Home Node Only
Fallover Policy: Fallover To Next Priority Node In The List
Fallback Policy: Never Fallback
Site Policy: ignore
Node                         State
---------------------------- ---------------
nodea                        ACQUIRING
nodeb                        OFFLINE

Resource Group Name: rg_web
Startup Policy: Online On First Available Node
Fallover Policy: Fallover To Next Priority Node In The List
Fallback Policy: Never Fallback
Site Policy: ignore
Node                         State
---------------------------- ---------------
nodea                        ONLINE
nodeb                        OFFLINE
"""
DB2PD = """\

Database Member 0 -- Database ORDERS -- Active -- Up 0 days 02:11:05 -- Date 2026-11-22-14.05.10.123456

                            HADR_ROLE = PRIMARY
                          REPLAY_TYPE = PHYSICAL
                        HADR_SYNCMODE = NEARSYNC
                           STANDBY_ID = 1
                        LOG_STREAM_ID = 0
                           HADR_STATE = PEER
                  PRIMARY_MEMBER_HOST = nodea
                  STANDBY_MEMBER_HOST = nodeb
                  HADR_CONNECT_STATUS = CONNECTED
             HADR_CONNECT_STATUS_TIME = 11/22/2026 11:55:12.000000 (1795348512)
          HEARTBEAT_INTERVAL(seconds) = 30
                HADR_TIMEOUT(seconds) = 120
           LOG_HADR_WAIT_CUR(seconds) = 0.000
SOCK_SEND_BUF_REQUESTED,ACTUAL(bytes) = 0, 50772
            PRIMARY_LOG_FILE,PAGE,POS = S0000009.LOG, 1, 49262315
                  HADR_LOG_GAP(bytes) = 4096
                     PRIMARY_LOG_TIME = 11/22/2026 14:05:09.000000 (1795356309)
                     STANDBY_LOG_TIME = 11/22/2026 14:05:09.000000 (1795356309)
              STANDBY_REPLAY_LOG_TIME = 11/22/2026 14:05:05.000000 (1795356305)
                   STANDBY_ERROR_TIME = NULL
                 PEER_WINDOW(seconds) = 120
             READS_ON_STANDBY_ENABLED = N
"""


def test_paging_spaces_have_their_sizes_and_use() -> None:
    found = parsed("lsps", LSPS_A)
    assert found["paging"][1] == {
        "name": "hd6",
        "physical_volume": "hdisk0",
        "volume_group": "rootvg",
        "size_mb": 512,
        "used_percent": 91,
        "active": True,
        "auto": True,
        "type": "lv",
    }
    # An inactive paging space is no room: (1024 * 25 % + 512 * 91 %) of 1536.
    assert (found["count"], found["total_mb"], found["used_percent"]) == (3, 1536, 47.0)
    assert unmet({"output.paging.1.used_percent": Matcher(max=70)}, found) == [
        "output.paging.1.used_percent: wanted at most 70, got 91"
    ]


def test_releases_without_the_checksum_column_are_read_too() -> None:
    assert parsed("lsps", LSPS_A_OLD)["paging"][0]["type"] == "lv"


def test_the_summary_has_the_totals_alone() -> None:
    assert parsed("lsps", LSPS_S) == {"total_mb": 1536, "used_percent": 47}


def test_a_volume_group_tells_its_room() -> None:
    assert parsed("lsvg", LSVG) == {
        "name": "datavg",
        "state": "active",
        "pp_size_mb": 128,
        "total_pps": 799,
        "total_mb": 102272,
        "free_pps": 100,
        "free_mb": 12800,
    }


def test_subsystems_that_do_not_run_have_no_process() -> None:
    found = parsed("lssrc", LSSRC)
    assert found["subsystems"]["clstrmgrES"] == {"group": "cluster", "pid": 5963978, "status": "active"}
    assert found["subsystems"]["clinfoES"] == {"group": "cluster", "pid": None, "status": "inoperative"}
    assert (found["inactive"], found["all_active"]) == (["clinfoES"], False)


def test_the_state_of_the_cluster_manager_is_a_name_with_a_value() -> None:
    assert parsed("key_value", "Current state: ST_STABLE\n") == {"Current state": "ST_STABLE"}


def test_the_error_logs_summary_counts_lasting_hardware_faults() -> None:
    found = parsed("errpt", ERRPT)
    assert found["entries"][0] == {
        "identifier": "1581762B",
        "at": "2026-11-22T14:05",
        "type": "PERM",
        "class": "H",
        "resource": "hdisk3",
        "description": "DISK OPERATION ERROR",
    }
    assert (found["count"], found["hardware_permanent"], found["resources"]) == (3, 1, ["hdisk3"])


def test_an_empty_error_log_is_no_error() -> None:
    assert parsed("errpt", "") == {"entries": [], "count": 0, "hardware_permanent": 0, "resources": []}


def test_the_error_logs_detailed_report_is_read_entry_by_entry() -> None:
    found = parsed("errpt", ERRPT_A)
    assert [entry["label"] for entry in found["entries"]] == ["DISK_ERR4", "PGSP_KILL"]
    assert found["entries"][0] == {
        "label": "DISK_ERR4",
        "identifier": "1581762B",
        "at": "Sun Nov 22 14:05:10 CST 2026",
        "sequence": 1234,
        "node": "nodea",
        "class": "H",
        "type": "PERM",
        "resource": "hdisk3",
        "description": "DISK OPERATION ERROR",
    }
    assert found["hardware_permanent"] == 1


def test_resource_groups_are_told_by_node() -> None:
    found = parsed("clrginfo", CLRGINFO)
    assert (found["group"], found["online_on"]) == ("rg_orders", ["nodeb"])
    assert found["groups"] == {
        "rg_orders": {"nodes": {"nodea": "OFFLINE", "nodeb": "ONLINE"}, "online_on": ["nodeb"]},
        "rg_web": {"nodes": {"nodea": "ONLINE", "nodeb": "OFFLINE DUE TO FALLOVER"}, "online_on": ["nodea"]},
    }


def test_the_verbose_form_has_the_policies_too() -> None:
    groups = parsed("clrginfo", CLRGINFO_V)["groups"]
    assert groups["rg_orders"] == {
        "nodes": {"nodea": "ACQUIRING", "nodeb": "OFFLINE"},
        "startup_policy": "Online On Home Node Only",
        "fallover_policy": "Fallover To Next Priority Node In The List",
        "fallback_policy": "Never Fallback",
        "site_policy": "ignore",
        "online_on": [],
    }
    assert groups["rg_web"]["online_on"] == ["nodea"]


def test_clmgrs_answer_is_texts_by_name_also_for_several_objects() -> None:
    one = parsed("clmgr", 'NAME="rg_orders"\nCURRENT_NODE="nodea"\nNODES="nodea nodeb"\nSTATE="ONLINE"\n')
    assert (one["STATE"], one["NODES"], len(one["objects"])) == ("ONLINE", "nodea nodeb", 1)
    two = parsed("clmgr", 'NAME="nodea"\nSTATE="NORMAL"\n\nNAME="nodeb"\nSTATE="OFFLINE"\n')
    assert [node["STATE"] for node in two["objects"]] == ["NORMAL", "OFFLINE"]


def test_hadr_is_told_with_units_moments_and_how_far_replay_is_behind() -> None:
    found = parsed("db2pd_hadr", DB2PD)
    wanted: dict[str, Any] = {
        "database": "ORDERS",
        "activated": True,
        "hadr_role": "PRIMARY",
        "hadr_state": "PEER",
        "hadr_connect_status": "CONNECTED",
        "heartbeat_interval_seconds": 30,
        "log_hadr_wait_cur_seconds": 0.0,
        "hadr_log_gap_bytes": 4096,
        "primary_log_time": "2026-11-22T14:05:09Z",
        "standby_error_time": None,
        "primary_log_file_page_pos": "S0000009.LOG, 1, 49262315",
        "replay_behind_s": 4.0,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert len(found["standbys"]) == 1


def test_several_standbys_are_all_there() -> None:
    found = parsed("db2pd_hadr", DB2PD + DB2PD.replace("= PEER", "= REMOTE_CATCHUP").split("\n\n", 1)[1])
    assert [standby["hadr_state"] for standby in found["standbys"]] == ["PEER", "REMOTE_CATCHUP"]
    assert found["hadr_state"] == "PEER"


def test_a_missing_moment_makes_the_delay_unknown_not_zero() -> None:
    text = DB2PD.replace("11/22/2026 14:05:05.000000 (1795356305)", "NULL")
    assert parsed("db2pd_hadr", text)["replay_behind_s"] is None


def test_a_database_that_is_not_activated_says_so() -> None:
    told = "Database ORDERS not activated on database member 0 or this database name cannot be found in the local "
    assert parsed("db2pd_hadr", told + "database directory.\n") == {"activated": False, "database": "ORDERS"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lsps", "0516-010 : Volume group must be varied on; use varyonvg command.\n"),
        ("lsps", LSPS_A.replace("512MB    91", "512MB    ??")),
        ("lsps", "Total Paging Space   Percent Used\n"),
        ("lsvg", "0516-306 lsvg: Unable to find volume group datavg in the Device Configuration Database.\n"),
        ("lssrc", "0513-085 The clstrmgrES Subsystem is not on file.\n"),
        ("errpt", "0315-180 logread: UNEXPECTED EOF\n"),
        ("errpt", "IDENTIFIER TIMESTAMP  T C RESOURCE_NAME  DESCRIPTION\nnonsense\n"),
        ("clrginfo", "Cluster services are not running on this node.\n"),
        ("clmgr", 'ERROR: the specified object does not exist: "rg_none"\n'),
        ("db2pd_hadr", "HADR is not active.\n"),
    ],
)
def test_an_error_in_the_place_of_an_answer_is_refused(name: str, text: str) -> None:
    with pytest.raises(NotRead):
        parsed(name, text)
