"""What the BMCs answer: logins, privileges, refusals, faults of the switch, firmware that is not taken."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bmc_kit import HOST, Rig, rig
from lab_kit import wait_until

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc import faults
from orchestrator.lab.sites.bmc.firmware import make_image

SYSTEM = f"/redfish/v1/Systems/{HOST}"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
UPDATE = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate"
ACCOUNTS = "/redfish/v1/AccountService/Accounts"
Ask = Callable[..., "Reply"]


class Reply:
    """An answer: its status, headers and body."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        content = answer.read()
        self.body: dict[str, Any] = json.loads(content) if content else {}

    @property
    def message(self) -> str:
        """The id of the message that says why."""
        return str(self.body["error"]["@Message.ExtendedInfo"][0]["MessageId"]).rsplit(".", 1)[-1]


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, hanging=0.2) as made:
        yield made


@pytest.fixture
def ask(bmc: Rig) -> Ask:
    def do(
        method: str, path: str, body: Any = None, *, login: tuple[str, str] | None = ("operator", ""), **headers: str
    ) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if login is not None:
            words = f"{login[0]}:{login[1] or bmc.password}".encode()
            given["Authorization"] = f"Basic {base64.b64encode(words).decode()}"
        context = ssl.create_default_context(cafile=bmc.ca)
        wire = http.client.HTTPSConnection(bmc.bmc.address, bmc.bmc.port, timeout=20, context=context)
        try:
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            wire.request(method, path, text, {"Content-Type": "application/json", **given})
            return Reply(wire.getresponse())
        finally:
            wire.close()

    return do


@pytest.mark.parametrize("path", ["/redfish", "/redfish/v1", "/redfish/v1/", "/redfish/v1/odata"])
def test_the_root_is_shown_to_everybody_and_the_rest_to_nobody(ask: Ask, path: str) -> None:
    assert ask("GET", path, login=None).status == 200
    for other in (SYSTEM, "/redfish/v1/nothing", RESET):
        refused = ask("GET", other, login=None)
        assert (refused.status, refused.message) == (401, "NoValidSession")
        assert "Basic" in refused.headers["WWW-Authenticate"]
    assert ask("GET", SYSTEM, login=("operator", "wrong-password")).status == 401
    assert ask("GET", SYSTEM, login=None, X_Auth_Token="0" * 48).status == 401


def test_a_session_is_good_until_it_is_closed(ask: Ask, bmc: Rig) -> None:
    made = ask("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "operator", "Password": bmc.password})
    assert made.status == 201
    token = made.headers["X-Auth-Token"]
    assert ask("GET", SYSTEM, login=None, X_Auth_Token=token).status == 200
    assert ask("DELETE", made.headers["Location"], login=None, X_Auth_Token=token).status == 204
    assert ask("GET", SYSTEM, login=None, X_Auth_Token=token).status == 401


def test_an_account_that_may_only_read_switches_nothing(ask: Ask, bmc: Rig) -> None:
    reader = ("reader", "a-long-password")
    made = ask("POST", ACCOUNTS, {"UserName": reader[0], "Password": reader[1], "RoleId": "ReadOnly"})
    assert made.status == 201
    assert reader[1] not in bmc.place.store(HOST).file.read_text()
    assert ask("GET", SYSTEM, login=reader).status == 200
    refused = ask("POST", RESET, {"ResetType": "ForceOff"}, login=reader)
    assert (refused.status, refused.message) == (403, "InsufficientPrivilege")
    assert ask("GET", f"{ACCOUNTS}/operator", login=reader).status == 403
    assert bmc.power.orders == []
    assert ask("DELETE", f"{ACCOUNTS}/reader").status == 204
    assert ask("GET", SYSTEM, login=reader).status == 401


def test_of_two_who_change_an_account_they_read_before_the_second_is_told(ask: Ask) -> None:
    ask("POST", ACCOUNTS, {"UserName": "reader", "Password": "a-long-password", "RoleId": "ReadOnly"})
    seen = ask("GET", f"{ACCOUNTS}/reader").headers["ETag"]
    change = {"Password": "another-password"}
    assert ask("PATCH", f"{ACCOUNTS}/reader", change, If_Match=seen).status == 200
    assert ask("PATCH", f"{ACCOUNTS}/reader", change, If_Match=seen).status == 412


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/redfish/v1/Systems/db-b", None, 404, "ResourceMissingAtURI"),
        ("GET", f"{SYSTEM}/Storage/disks/Drives/drive-9", None, 404, "ResourceMissingAtURI"),
        ("DELETE", SYSTEM, None, 405, "ActionNotSupported"),
        ("GET", RESET, None, 405, "ActionNotSupported"),
        ("POST", RESET, "{", 400, "MalformedJSON"),
        ("POST", RESET, "[]", 400, "UnrecognizedRequestBody"),
        ("POST", RESET, {}, 400, "ActionParameterMissing"),
        ("POST", RESET, {"ResetType": 7}, 400, "ActionParameterValueTypeError"),
        ("POST", RESET, {"ResetType": "Nmi"}, 400, "ActionParameterValueFormatError"),
        ("POST", RESET, {"ResetType": "On", "More": 1}, 400, "ActionParameterUnknown"),
        ("GET", f"{SYSTEM}?$expand=.", None, 501, "QueryNotSupported"),
        ("DELETE", f"{ACCOUNTS}/operator", None, 403, "ResourceCannotBeDeleted"),
        ("POST", UPDATE, {"ImageURI": "http://192.0.2.1/firmware/x"}, 400, "AccessDenied"),
        ("POST", UPDATE, {"ImageURI": "file:///etc/shadow"}, 400, "ActionParameterValueFormatError"),
        ("POST", UPDATE, {"ImageURI": "ftp://192.0.2.1/x"}, 400, "SourceDoesNotSupportProtocol"),
    ],
)
def test_what_is_not_taken_is_said_with_its_message(
    ask: Ask, bmc: Rig, method: str, path: str, body: Any, status: int, message: str
) -> None:
    refused = ask(method, path, body)
    assert (refused.status, refused.message) == (status, message)
    assert bmc.power.orders == []


def test_a_body_that_is_too_long_is_not_read(ask: Ask) -> None:
    refused = ask("POST", RESET, "{}", Content_Length="70000")
    assert (refused.status, refused.message) == (413, "UnrecognizedRequestBody")


def test_a_host_that_is_off_cannot_be_restarted(ask: Ask, bmc: Rig) -> None:
    assert ask("POST", RESET, {"ResetType": "ForceOff"}).status == 204
    assert ask("POST", RESET, {"ResetType": "ForceOff"}).status == 204
    refused = ask("POST", RESET, {"ResetType": "PowerCycle"})
    assert (refused.status, refused.message) == (409, "ResourceInUse")
    assert bmc.power.state(HOST) == "off"


@pytest.mark.parametrize(("how", "status"), [("denied", 403), ("hangs", 500)])
def test_a_switch_that_refuses_or_hangs_does_nothing_until_it_is_healed(
    ask: Ask, bmc: Rig, how: str, status: int
) -> None:
    faults.refuse_power(bmc.place, HOST, how)
    assert ask("POST", RESET, {"ResetType": "ForceOff"}).status == status
    assert ask("GET", SYSTEM).body["PowerState"] == "On"
    assert bmc.power.orders == []
    assert faults.active(bmc.place, HOST) == {"power": how}
    assert faults.heal(bmc.place, HOST, "power")
    assert ask("POST", RESET, {"ResetType": "ForceOff"}).status == 204


def test_a_switch_that_lies_says_off_while_the_meter_shows_power(ask: Ask, bmc: Rig) -> None:
    faults.refuse_power(bmc.place, HOST, faults.LIES)
    assert ask("POST", RESET, {"ResetType": "ForceOff"}).status == 204
    assert ask("GET", SYSTEM).body["PowerState"] == "Off"
    meter = ask("GET", f"/redfish/v1/Chassis/{HOST}/Power").body["PowerControl"][0]
    assert meter["PowerConsumedWatts"] > 0
    assert bmc.power.orders == []


def test_one_supply_gone_is_a_warning_for_the_group_and_both_are_critical(ask: Ask, bmc: Rig) -> None:
    def group() -> str:
        body = ask("GET", f"/redfish/v1/Chassis/{HOST}/PowerSubsystem").body
        return str(body["PowerSupplyRedundancy"][0]["Status"]["Health"])

    assert group() == "OK"
    faults.set_health(bmc.place, HOST, "psu-1", "Absent")
    assert group() == "Warning"
    assert ask("GET", f"/redfish/v1/Chassis/{HOST}/PowerSubsystem/PowerSupplies/psu-1").body["Status"] == {
        "State": "Absent", "Health": None,
    }  # fmt: skip
    faults.set_health(bmc.place, HOST, "psu-2", "Critical")
    assert group() == "Critical"


def _end_of(ask: Ask, bmc: Rig, name: str = "bios.img") -> dict[str, Any]:
    begun = ask("POST", UPDATE, {"ImageURI": f"{bmc.images_url}/{name}"})
    assert begun.status == 202
    monitor = begun.headers["Location"]
    wait_until(lambda: ask("GET", monitor).body["TaskState"] != "Running")
    return ask("GET", monitor).body


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "could not be fetched"),
        (b"no image at all", "head"),
        (make_image("bios", "2.1.0", b"payload")[:-1], "should hold"),
        (make_image("bios", "2.1.0", b"payload")[:-1] + b"X", "digest"),
        (make_image("bios", "two", b"payload"), "head"),
        (make_image("gpu", "1.0", b"payload"), "not here"),
    ],
)
def test_an_image_that_is_none_is_not_kept_for_the_reset(ask: Ask, bmc: Rig, content: bytes | None, told: str) -> None:
    if content is not None:
        (bmc.images / "bios.img").write_bytes(content)
    ended = _end_of(ask, bmc)
    assert ended["TaskState"] == "Exception"
    assert told in ended["Messages"][0]["Message"]
    ask("POST", RESET, {"ResetType": "ForceRestart"})
    assert bmc.place.store(HOST).read().firmware["bios"].version == "2.0.0"


def test_an_update_that_the_component_does_not_take_keeps_the_old_version(ask: Ask, bmc: Rig) -> None:
    (bmc.images / "bios.img").write_bytes(make_image("bios", "2.1.0", b"payload"))
    faults.fail_update(bmc.place, HOST, faults.APPLY)
    waiting = _end_of(ask, bmc)
    assert waiting["TaskState"] == "Pending"
    ask("POST", RESET, {"ResetType": "ForceRestart"})
    assert ask("GET", waiting["@odata.id"]).body["TaskState"] == "Exception"
    assert ask("GET", "/redfish/v1/UpdateService/FirmwareInventory/bios").body["Version"] == "2.0.0"


@pytest.mark.parametrize("path", ["/firmware/../secret", "/firmware%2f..", "/firmwareX/a", "/other/a", "/firmware"])
def test_only_what_lies_below_an_allowed_source_is_fetched(ask: Ask, bmc: Rig, path: str) -> None:
    base = bmc.images_url.removesuffix("/firmware")
    assert ask("POST", UPDATE, {"ImageURI": f"{base}{path}"}).message == "AccessDenied"


def test_unknown_parts_values_and_faults_are_refused(bmc: Rig) -> None:
    with pytest.raises(LabError, match="part"):
        faults.set_health(bmc.place, HOST, "psu-9", "OK")
    with pytest.raises(LabError, match="health"):
        faults.set_health(bmc.place, HOST, "psu-1", "Fine")
    with pytest.raises(LabError, match="way"):
        faults.refuse_power(bmc.place, HOST, "sulks")
    with pytest.raises(LabError, match="no BMC"):
        faults.heal(bmc.place, "db-z")
