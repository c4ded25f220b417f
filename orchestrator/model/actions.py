"""What a step can do: one document per executor.

Strings marked *template* are rendered once, from what the runbook's author wrote; the
values that go in are data and are never rendered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.model.document import Bilingual, Document, Flag, RelativePath
from orchestrator.model.duration import Duration
from orchestrator.model.matcher import Expectations
from orchestrator.model.parse_names import Parse

Argv = Annotated[tuple[str, ...], Field(min_length=1)]


def _found(given: list[str]) -> str:
    return f"has {' and '.join(given)}" if given else "has nothing to do"


class AnsibleAction(Document):
    """Run a playbook through ansible-runner. ``playbook`` is relative to the workspace's playbooks/."""

    playbook: RelativePath
    limit: str
    vars: Mapping[str, Any] = {}
    tags: tuple[str, ...] = ()


class FabricAction(Document):
    """Run one command (an argv list, no shell) on one host, or on every host of a group in parallel."""

    host: str
    argv: Argv
    env: Mapping[str, str] = {}
    stdin: str | None = None
    parse: Parse = "auto"


class TcpProbe(Document):
    """``host:port``, where host is an inventory host or group of one and port a number or a host variable."""

    address: str
    timeout: Duration = 2.0


class HttpProbe(Document):
    """One HTTP request. Either ``url``, or ``target`` + ``port`` + ``path``.

    With ``target``, ``port``, ``address``, ``path``, ``tls_ca``, ``user`` and ``password_file`` may each be the name
    of one of the target's host variables. ``tls`` asks the target by https; ``tls_ca`` is the file its certificate
    must hold by; ``user`` with ``password`` (a secret input) or ``password_file`` logs in by HTTP Basic.
    """

    url: str | None = None
    target: str | None = None
    address: str | None = None
    port: str | int | None = None
    path: str = "/"
    method: Literal["GET", "HEAD", "POST", "PUT"] = "GET"
    headers: Mapping[str, str] = {}
    body: str | None = None
    timeout: Duration = 5.0
    tls: Flag = False
    tls_verify: Flag = True
    tls_ca: str | None = None
    user: str | None = None
    password: str | None = None
    password_file: str | None = None

    @model_validator(mode="after")
    def _one_address(self) -> HttpProbe:
        if (self.url is None) == (self.target is None):
            raise ValueError("has both or none of url and target; give either url, or target (with port and path)")
        if self.target is not None and self.port is None:
            raise ValueError("target is given without port; add port: a number or the name of a host variable")
        if self.target is None and (self.address is not None or self.tls):
            raise ValueError("address and tls go with target; a url says both itself")
        return self

    @model_validator(mode="after")
    def _whole_login(self) -> HttpProbe:
        passwords = [one for one in (self.password, self.password_file) if one is not None]
        if len(passwords) > 1 or bool(passwords) != (self.user is not None):
            raise ValueError("a login is user with either password or password_file")
        if not self.tls_verify and (self.tls_ca is not None or passwords):
            raise ValueError(
                "tls_verify: false goes with neither tls_ca nor a login: a stranger would get the password"
            )
        return self


class SqlProbe(Document):
    """One SQL query through psql on the controller; the target's ``pg_*`` host variables say where."""

    query: str
    timeout: Duration = 5.0


class TestinfraProbe(Document):
    """An assertion on the target with pytest-testinfra: a module, its argument, and the attributes to read."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it

    module: Literal[
        "file", "service", "process", "package", "user", "group", "socket", "mount_point", "sysctl", "command"
    ]
    name: str
    read: Annotated[tuple[str, ...], Field(min_length=1)]


def _tcp(value: Any) -> Any:
    return {"address": value} if isinstance(value, str) else value


def _http(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _sql(value: Any) -> Any:
    return {"query": value} if isinstance(value, str) else value


def _argv(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError("a shell line is not taken; write a list of words, e.g. [pgstate, lag, --json]")
    return value


class ProbeAction(Document):
    """Look, and change nothing. Exactly one of tcp, http, sql, command, testinfra."""

    tcp: Annotated[TcpProbe, BeforeValidator(_tcp, json_schema_input_type=str | TcpProbe)] | None = None
    http: Annotated[HttpProbe, BeforeValidator(_http, json_schema_input_type=str | HttpProbe)] | None = None
    sql: Annotated[SqlProbe, BeforeValidator(_sql, json_schema_input_type=str | SqlProbe)] | None = None
    command: Annotated[Argv, BeforeValidator(_argv, json_schema_input_type=Argv)] | None = None
    testinfra: TestinfraProbe | None = None
    target: str | None = None
    parse: Parse | None = None
    """How a command's output is read; ``auto`` where nothing is said."""

    @model_validator(mode="after")
    def _exactly_one(self) -> ProbeAction:
        given = [name for name in ("tcp", "http", "sql", "command", "testinfra") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{_found(given)}; give exactly one of tcp, http, sql, command, testinfra")
        if given[0] in ("sql", "command", "testinfra") and self.target is None:
            raise ValueError(f"a {given[0]} probe has no target; add target: the host to look at")
        if given[0] in ("tcp", "http") and self.target is not None:
            raise ValueError(f"a {given[0]} probe names its host itself; take target away")
        if self.parse is not None and given[0] != "command":
            raise ValueError(f"a {given[0]} probe has its own output; take parse away")
        return self


class Check(Document):
    """A probe and what it must show. With ``within`` it is repeated each ``every`` until it holds."""

    probe: ProbeAction
    expect: Expectations = {}
    within: Duration | None = None
    every: Duration = 0.5


class MarkerStart(Document):
    """Start committing numbered markers on ``target``, one each ``every``, until stopped or cut off."""

    target: str
    every: Duration = 0.1


class MarkerMeasure(Document):
    """Read the markers back on ``target`` and count what is lost.

    ``receipts`` names a host variable of ``target``'s that holds the path of a client's receipts file
    (one JSON object a line: ``number``, ``at``) and ``ledger`` the query that lists the numbers that survived:
    business transactions are then counted the same way. ``before_promotion``: the host to count on at the end of a run
    that has not come to the promotion before this step, or has taken it back (role count); else it is not counted then.
    """

    target: str
    before_promotion: str | None = None
    receipts: str | None = None
    ledger: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> MarkerMeasure:
        if (self.receipts is None) != (self.ledger is None):
            raise ValueError("has only one of receipts and ledger; give both or none")
        return self


class MarkerAction(Document):
    """RPO markers: ``start`` a writer, ``stop`` it, ``measure`` what survived. Exactly one."""

    start: MarkerStart | None = None
    stop: Literal[True] | None = None
    measure: MarkerMeasure | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> MarkerAction:
        given = [name for name in ("start", "stop", "measure") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{_found(given)}; give exactly one of start, stop, measure")
        return self


class WaitAction(Document):
    """Wait until a check holds (bounded by the step's timeout), or for a fixed time."""

    until: Check | None = None
    duration: Annotated[Duration | None, Field(alias="for")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> WaitAction:
        if (self.until is None) == (self.duration is None):
            raise ValueError("has both or none of until and for; give either until (a check) or for (a duration)")
        return self


class ApproveAction(Document):
    """Ask people. ``count`` of ``of`` (anybody, where ``of`` is empty) must approve before ``deadline``."""

    question: Bilingual
    of: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1, le=9)] = 1
    deadline: Duration | None = None
    customer: Flag = False
    """Waiting for the customer is not counted in the contract's clocks."""

    @model_validator(mode="after")
    def _possible(self) -> ApproveAction:
        if self.of and self.count > len(self.of):
            raise ValueError(
                f"count is {self.count}, but only {len(self.of)} may approve; lower count, or add people to of"
            )
        return self


class ManualAction(Document):
    """A person does it and says so (``holdfast mark-done``)."""

    instructions: Bilingual


class NestedRunbook(Document):
    """Another runbook's steps, in this step's place. ``file`` is relative to the workspace's runbooks/."""

    file: RelativePath
    inputs: Mapping[str, Any] = {}


class ScriptedAction(Document):
    """Does nothing, and ends as told: for rehearsals and benchmarks. One entry an attempt; the last repeats."""

    ends: tuple[Literal["ok", "failed", "unknown"], ...] = ("ok",)
    takes: Duration = 0.0
    output: Mapping[str, Any] = {}
    error: str = ""


Action = (
    AnsibleAction
    | FabricAction
    | ProbeAction
    | MarkerAction
    | WaitAction
    | ApproveAction
    | ManualAction
    | NestedRunbook
    | ScriptedAction
)

ACTIONS: dict[str, type[Document]] = {
    "ansible": AnsibleAction,
    "fabric": FabricAction,
    "probe": ProbeAction,
    "marker": MarkerAction,
    "wait": WaitAction,
    "approve": ApproveAction,
    "manual": ManualAction,
    "runbook": NestedRunbook,
    "scripted": ScriptedAction,
}
"""Step key to its document, in the order they are explained in the runbook reference."""

CHANGING = frozenset({"ansible", "fabric", "manual"})
"""Actions that change something unless the step says ``changes: false``."""

ASKS_PEOPLE = frozenset({"approve", "manual"})
"""Actions that hold no worker: they wait for a decision."""

REACHES_BACK = frozenset({"fabric"})
"""Actions whose work can be found again on the target after the link to it was lost."""
