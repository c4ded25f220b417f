"""Example journals: realistic event lists made by hand, without the engine, for what reads journals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.model.document import FaultClass, Milestone, Mode, Text
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.outcome import Ending, Outcome, OutputRef
from orchestrator.model.plan import Plan, PlannedCheck, PlannedStep, PlannedUndo, plan_to_body

START = datetime(2026, 11, 14, 19, 0, 0, tzinfo=UTC)
K = EventKind

CONTRACT: dict[str, Any] = {
    "service_level": "contract-b",
    "title": {"en": "Contract B", "zh": "乙合同"},
    "targets": {
        "1": {"respond": 600.0, "on_site": 3600.0, "restore": 7200.0, "resolve": 10800.0},
        "2": {"respond": 900.0, "restore": 10800.0, "resolve": 18000.0},
    },
}

DRILL: dict[str, Any] = {
    "drill": "standby-takeover-autumn",
    "title": {"en": "Autumn takeover drill", "zh": "秋季备机接管演练"},
    "type": "full",
    "runbook": "shared-component/postgres-standby-takeover.yaml",
    "scenario": {"en": "The backplane of the primary fails.", "zh": "主机背板故障。"},
    "success": [{"en": "Orders are taken again.", "zh": "订单恢复受理。"}],
    "participants": ["li-wei", "zhang-min"],
}

CHECK = PlannedCheck({"sql": {"query": "select 1"}, "target": "standby"}, {"value": 1}, 30.0, 0.5)


def step(name: str, kind: str = "fabric", needs: Sequence[str] = (), **more: Any) -> PlannedStep:
    title = more.pop("title", Text(en=name.replace("-", " ").capitalize(), zh=more.pop("zh", "")))
    spec = more.pop("spec", {"host": "standby", "argv": ["pgctl", name]})
    changes = more.pop("changes", kind in ("ansible", "fabric", "manual"))
    return PlannedStep(
        id=name,
        title=title,
        kind=kind,
        spec=spec,
        needs=tuple(needs),
        changes=changes,
        timeout=more.pop("timeout", 120.0),
        **more,
    )


def plan(steps: Sequence[PlannedStep], **more: Any) -> Plan:
    values: dict[str, Any] = {
        "run_id": "20261114T190000-a1b2c3",
        "runbook": "postgres-standby-takeover",
        "title": Text(en="PostgreSQL standby takeover", zh="PostgreSQL 备机接管"),
        "purpose": "recovery",
        "fault_class": FaultClass.SHARED_COMPONENT,
        "mode": Mode.DRILL,
        "digest": "ab" * 32,
        "digests": {"runbook": "01" * 32, "playbooks/takeover/promote.yml": "02" * 32, "inventory": "03" * 32},
        "inputs": {"cluster": "orders"},
        "secrets": (),
        "steps": tuple(steps),
        "steady_state": (),
        "locks": ("cluster/orders",),
        "rto": 300.0,
        "rpo": 30.0,
        "critical_path": 95.0,
        "critical_steps": ("fence", "promote", "service"),
        "severity": 1,
        "service_level": CONTRACT,
        "system": "orders",
        "site": "lab",
        "drill": DRILL,
    }
    values.update(more)
    if values["mode"] is not Mode.DRILL and "drill" not in more:
        values["drill"] = None
    return Plan(**values)


class Writer:
    """Writes a journal as a driver would, with clocks that are told."""

    def __init__(self, plan: Plan, by: str = "li-wei") -> None:
        self.plan, self.events = plan, list[Event]()
        self.wall, self.mono, self.epoch, self.drivers = START, 5000.0, "e1", 1
        self.jobs: dict[str, int] = {}
        self.decisions = 0
        self.add(K.RUN_CREATED, plan=plan_to_body(plan), by=by, account=f"{by}@ops-1", host="ops-1", version="0.1.0")
        self.tick(0.02)
        self.add(K.DRIVER_CLAIMED, epoch="e1", pid=4711, host="ops-1", version="0.1.0", by=by)

    def add(self, kind: EventKind, /, **body: Any) -> Event:
        event = Event(self.plan.run_id, len(self.events) + 1, kind, self.wall, self.mono, self.epoch, body)
        self.events.append(event)
        return event

    def tick(self, seconds: float) -> Writer:
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds
        return self

    def jump(self, seconds: float) -> Writer:
        self.wall += timedelta(seconds=seconds)
        self.add(K.CLOCK_JUMPED, by=seconds)
        return self

    def resume(self, away: float) -> Writer:
        self.wall += timedelta(seconds=away)
        self.drivers += 1
        self.mono, self.epoch = 100.0 * self.drivers, f"e{self.drivers}"
        self.add(
            K.DRIVER_CLAIMED, epoch=self.epoch, pid=4711 + self.drivers, host="ops-1", version="0.1.0", by="li-wei"
        )
        return self

    def start(self, name: str, phase: str = "action", attempt: int = 1) -> Writer:
        self.jobs[name] = self.jobs.get(name, 0) + 1
        planned = self.plan.by_id[name]
        job: Mapping[str, Any] = {"kind": planned.kind, "spec": planned.spec}
        if phase == "verify":
            job = {"kind": "probe", "spec": planned.verify[0].probe, "expect": planned.verify[0].expect}
        elif phase == "undo" and planned.undo:
            job = {"kind": planned.undo.kind, "spec": planned.undo.spec}
        ident = f"{name}.{phase}.{self.jobs[name]}"
        self.add(K.STEP_STARTED, step=name, phase=phase, attempt=attempt, ident=ident, job=job, timeout=planned.timeout)
        return self

    def end(
        self,
        name: str,
        phase: str = "action",
        attempt: int = 1,
        outcome: Outcome | None = None,
        elapsed: float | None = None,
        **more: Any,
    ) -> Writer:
        body = (outcome or Outcome(Ending.OK, output={"rc": 0}, changed=self.plan.by_id[name].changes)).to_body()
        self.add(K.STEP_ENDED, step=name, phase=phase, attempt=attempt, outcome=body, elapsed=elapsed, **more)
        return self

    def do(self, name: str, seconds: float, outcome: Outcome | None = None, *, verify: float | None = None) -> Writer:
        self.start(name).tick(seconds).end(name, outcome=outcome, elapsed=seconds)
        if verify is not None:
            self.tick(0.01).start(name, "verify").tick(verify)
            held = Outcome(
                Ending.OK, output={"value": 1}, milestones={"held_at": to_iso(self.wall - timedelta(seconds=0.01))}
            )
            self.end(name, "verify", outcome=held, elapsed=verify)
        return self.tick(0.01)

    def decide(self, verb: str, name: str = "", *, by: str, ago: float = 0.2, **more: Any) -> Writer:
        self.decisions += 1
        body: dict[str, Any] = {
            "number": self.decisions,
            "verb": verb,
            "by": by,
            "account": f"{by}@ops-1",
            "why": more.pop("why", ""),
            "given_at": to_iso(self.wall - timedelta(seconds=ago)),
            "accepted": True,
            "needed": 1,
            **more,
        }
        if name:
            body["step"] = name
        self.add(K.DECISION, **body)
        return self.tick(0.01)

    def finish(self, status: str = "succeeded", why: str = "") -> list[Event]:
        self.tick(0.02).add(K.RUN_ENDED, status=status, why=why)
        return self.events


DOWN = {"until": {"probe": {"tcp": {"address": "primary:5432"}}, "expect": {"open": False}}}
HEALTHY = {"until": {"probe": {"http": {"url": "http://orders/health"}}, "expect": {"status": 200}}}

MEASURED: dict[str, Any] = {
    "written": 812,
    "survived": 809,
    "lost_transactions": 3,
    "lost_seconds": 0.3,
    "last_written_at": "2026-11-14T19:00:08.100000Z",
    "last_survived_at": "2026-11-14T19:00:07.800000Z",
    "receipts": {
        "written": 97,
        "survived": 96,
        "lost_transactions": 1,
        "lost_seconds": 0.21,
        "last_written_at": "2026-11-14T19:00:08.060000Z",
        "last_survived_at": "2026-11-14T19:00:07.850000Z",
    },
}


def takeover_steps(**changed: dict[str, Any]) -> list[PlannedStep]:
    """A takeover: markers, the fault, a fence, promotion, the service back, the loss counted."""
    undo = PlannedUndo("ansible", {"playbook": "takeover/rebuild-as-standby.yml", "limit": "standby"}, 600.0, ())
    told: list[dict[str, Any]] = [
        {"name": "markers", "kind": "marker", "spec": {"start": {"target": "primary", "every": 0.1}}, "zh": "写入标记"},
        {
            "name": "fault",
            "spec": {"host": "primary", "argv": ["lab", "break", "power"]},
            "needs": ["markers"],
            "marks": (Milestone.ONSET,),
            "irreversible": "it is the fault",
            "zh": "注入故障",
        },
        {
            "name": "noticed",
            "kind": "wait",
            "spec": DOWN,
            "needs": ["fault"],
            "marks": (Milestone.DETECTED,),
            "zh": "发现故障",
        },
        {
            "name": "lag",
            "kind": "probe",
            "spec": {"command": ["pgstate", "lag", "--json"], "target": "standby"},
            "needs": ["noticed"],
            "budget": 5.0,
            "expect": {"output.lag_s": {"max": 30}},
            "zh": "备机延迟",
        },
        {
            "name": "fence",
            "kind": "ansible",
            "spec": {"playbook": "fence/power-off.yml", "limit": "old_primary"},
            "needs": ["noticed"],
            "budget": 60.0,
            "role": "fence",
            "verify": (CHECK,),
            "zh": "隔离原主机",
            "irreversible": "the old primary is rebuilt later",
        },
        {
            "name": "promote",
            "kind": "ansible",
            "spec": {"playbook": "takeover/promote.yml", "limit": "standby"},
            "needs": ["lag", "fence"],
            "budget": 20.0,
            "role": "promote",
            "verify": (CHECK,),
            "undo": undo,
            "zh": "提升备机",
        },
        {
            "name": "service",
            "kind": "wait",
            "spec": HEALTHY,
            "needs": ["promote"],
            "budget": 15.0,
            "marks": (Milestone.RESTORED,),
            "zh": "业务恢复",
        },
        {
            "name": "loss",
            "kind": "marker",
            "spec": {"measure": {"target": "standby"}},
            "needs": ["service"],
            "zh": "统计丢失",
        },
    ]
    return [step(**{**one, **changed.get(one["name"], {})}) for one in told]


def until_noticed(w: Writer) -> Writer:
    w.tick(0.05).do("markers", 0.3).tick(4).do("fault", 0.4)
    seen = Outcome(Ending.OK, output={"open": False}, milestones={"held_at": to_iso(w.wall + timedelta(seconds=1.9))})
    return w.do("noticed", 2.0, seen)


def fence_and_promote(w: Writer, *, fence: float = 12.0, promote: float = 9.0, service: float = 3.5) -> Writer:
    w.start("lag").start("fence").tick(0.6)
    w.end("lag", outcome=Outcome(Ending.OK, output={"lag_s": 0.4}), elapsed=0.6).tick(fence - 0.6)
    w.end("fence", elapsed=fence).tick(0.01).start("fence", "verify").tick(0.5).end("fence", "verify", elapsed=0.5)
    ref = OutputRef("outputs/promote.action.1.txt", "cd" * 32, 48213)
    stats = {"hosts": {"standby": {"ok": 6, "changed": 2, "failures": 0, "unreachable": 0}}}
    w.tick(0.01).do("promote", promote, Outcome(Ending.OK, output=stats, changed=True, ref=ref), verify=0.4)
    back = Outcome(
        Ending.OK, output={"status": 200}, milestones={"held_at": to_iso(w.wall + timedelta(seconds=service))}
    )
    return w.start("service").tick(service + 0.02).end("service", outcome=back, elapsed=service + 0.02).tick(0.01)


def loss(w: Writer, **changed: Any) -> Writer:
    return w.do("loss", 0.6, Outcome(Ending.OK, output={**MEASURED, **changed}))


def before_decisions(events: list[Event]) -> list[Event]:
    """The run as it stood when the first decision was awaited."""
    return events[: next(number for number, event in enumerate(events) if event.kind is K.DECISION)]


def success() -> list[Event]:
    """A drill that went well: RTO and RPO met."""
    return loss(fence_and_promote(until_noticed(Writer(plan(takeover_steps()))))).finish()


def missed() -> list[Event]:
    """A drill whose fence took longer than the RTO, noticed while it ran."""
    w = until_noticed(Writer(plan(takeover_steps(), rto=20.0)))
    w.start("lag").tick(0.4).end("lag", outcome=Outcome(Ending.OK, output={"lag_s": 0.4}), elapsed=0.4)
    w.start("fence").tick(18.5).add(K.BREACH, kind="rto", detail="not restored 20.6s after onset; the RTO is 20s")
    w.tick(42).add(K.STEP_OVER_BUDGET, step="fence", budget=60.0, elapsed=60.5)
    w.tick(8).end("fence", elapsed=68.5).tick(0.01).start("fence", "verify").tick(0.5).end(
        "fence", "verify", elapsed=0.5
    )
    w.tick(0.01).do("promote", 9, verify=0.4).do("service", 3.5)
    return loss(w, lost_seconds=41.0, lost_transactions=395).finish()


def unproven() -> list[Event]:
    """A live recovery for which nobody said when the fault began, and no markers had been written."""
    steps = [
        one
        for one in takeover_steps(lag={"needs": []}, fence={"needs": []})
        if one.id not in ("markers", "fault", "noticed", "loss")
    ]
    return fence_and_promote(Writer(plan(steps, mode=Mode.LIVE))).finish()


def live_with_customer_approval() -> list[Event]:
    """A live recovery of severity 2, reported by an alert, that waited two hours for the customer's yes."""
    ask = step(
        "consent",
        "approve",
        (),
        spec={
            "question": {"en": "May we take over?", "zh": "是否同意接管？"},
            "of": ["wang-fang"],
            "count": 1,
            "customer": True,
            "deadline": 14400.0,
        },
        zh="客户同意",
    )
    told = takeover_steps(lag={"needs": ["consent"]}, fence={"needs": ["consent"]})
    steps = [ask, *[one for one in told if one.id not in ("markers", "fault", "noticed", "loss")]]
    by_hand = step(
        "labels",
        "manual",
        ["service"],
        spec={"instructions": {"en": "Swap the labels on the racks.", "zh": "更换机柜标签。"}},
        marks=(Milestone.RESOLVED,),
        zh="更换标签",
        irreversible="labels",
    )
    w = Writer(plan([*steps, by_hand], mode=Mode.LIVE, severity=2, rto=3600.0, fault_class=FaultClass.PAGING_SPACE))
    onset = START - timedelta(minutes=9)
    w.add(K.MILESTONE, name="onset", at=to_iso(onset), source="alert PgDown", basis="alert")
    w.add(K.MILESTONE, name="detected", at=to_iso(onset + timedelta(minutes=4)), source="alert PgDown", basis="alert")
    w.tick(0.1).add(K.STEP_WAITING, step="consent", kind="approve", undo=False, **ask.spec)
    w.tick(7200).decide("approve", "consent", by="wang-fang", ago=0.5)
    w.end("consent", outcome=Outcome(Ending.OK, output={"approved_by": ["wang-fang"]})).tick(0.02)
    fence_and_promote(w)
    w.add(K.STEP_WAITING, step="labels", kind="manual", undo=False, **by_hand.spec)
    w.tick(1800).decide("mark-done", "labels", by="zhang-min")
    return w.finish()


def failed_and_rolled_back() -> list[Event]:
    """Promotion failed; a person looked for ten minutes, then ordered the rollback, which worked."""
    w = until_noticed(Writer(plan(takeover_steps())))
    w.start("lag").tick(0.4).end("lag", outcome=Outcome(Ending.OK, output={"lag_s": 0.4}), elapsed=0.4)
    w.do("fence", 12, verify=0.5)
    broken = Outcome(
        Ending.FAILED,
        error="promote failed on standby: recovery target not reached",
        mend="look at the standby's log, then retry or roll back",
        output={"hosts": {"standby": {"failures": 1}}},
    )
    w.do("promote", 8.5, broken).tick(600)
    w.decide("rollback", by="li-wei", why="the standby is damaged; the primary's disk is fine", ago=1.0)
    w.add(
        K.ROLLBACK_STARTED,
        by="li-wei",
        why="the standby is damaged",
        order=["promote"],
        irreversible={"fence": "the old primary is rebuilt later", "fault": "it is the fault"},
    )
    w.tick(0.01).start("promote", "undo").tick(33).end("promote", "undo", elapsed=33.0)
    w.tick(0.01).add(K.ROLLBACK_ENDED, ok=True, why="everything was undone", manual=[])
    return w.finish("rolled_back", "the standby is damaged")


def rollback_failed() -> list[Event]:
    """The undo failed too: the run stands, and a person must work by hand."""
    events = failed_and_rolled_back()[:-3]
    w = Writer(plan(takeover_steps()))
    w.events, w.wall, w.mono = events, events[-1].at, events[-1].mono
    w.tick(30).end(
        "promote", "undo", outcome=Outcome(Ending.FAILED, error="pg_rewind: could not open file"), elapsed=30.0
    )
    w.tick(0.01).add(
        K.ROLLBACK_ENDED,
        ok=False,
        why="undoing promote failed: pg_rewind: could not open file",
        manual=[
            "promote: undo by hand what playbook takeover/rebuild-as-standby.yml undoes on standby",
            "then bring the run on with retry or mark-done on the step, or end it with abort",
        ],
    )
    w.tick(0.01).add(K.DRIVER_RELEASED, why="stopped", running=[])
    return w.events


def crashed_and_resumed() -> list[Event]:
    """The driver died while the fence was at work; ninety seconds later another one attached to it."""
    w = until_noticed(Writer(plan(takeover_steps())))
    w.start("lag").tick(0.4).end("lag", outcome=Outcome(Ending.OK, output={"lag_s": 0.4}), elapsed=0.4)
    w.start("fence").tick(5).resume(90).tick(3).end("fence", attached=True)
    w.tick(0.01).start("fence", "verify").tick(0.5).end("fence", "verify", elapsed=0.5).tick(0.01)
    w.start("promote").tick(4).resume(30).tick(0.5)
    w.add(
        K.STEP_DOUBTED,
        step="promote",
        phase="action",
        attempt=1,
        why="it was begun, no longer runs, and left no result",
    )
    w.tick(0.01).start("promote", "verify").tick(0.4).end(
        "promote", "verify", outcome=Outcome(Ending.OK, output={"value": 1}), elapsed=0.4
    )
    w.tick(0.01).do("service", 3.5)
    return loss(w).finish()


def clock_jump() -> list[Event]:
    """The wall clock was set back an hour between fault and restoration."""
    w = until_noticed(Writer(plan(takeover_steps())))
    w.jump(-3600)
    return loss(fence_and_promote(w)).finish()


def fence_overridden() -> list[Event]:
    """The fence was lost; two people went past it; the run went on, with a breach."""
    w = until_noticed(Writer(plan(takeover_steps())))
    w.start("lag").tick(0.4).end("lag", outcome=Outcome(Ending.OK, output={"lag_s": 0.4}), elapsed=0.4)
    lost = Outcome(
        Ending.UNKNOWN, error="no answer from the power controller in 120 s", mend="look at the power yourself"
    )
    w.do("fence", 120, lost)
    why = "site staff confirmed by phone that the plug is pulled"
    w.tick(60).decide("override", "fence", by="li-wei", why=why, needed=2)
    w.tick(45).decide("override", "fence", by="zhang-min", why=why, needed=2)
    w.add(
        K.BREACH,
        kind="fence",
        by="zhang-min",
        detail=f"fence: promoted without evidence that the old primary cannot write: {why}",
    )
    w.tick(0.01).do("promote", 9, verify=0.4).do("service", 3.5)
    return loss(w).finish()


def simulated() -> list[Event]:
    """A rehearsal: every step scripted."""
    steps = [
        step(one.id, "scripted", one.needs, spec={"takes": 1.0}, changes=one.changes, marks=one.marks)
        for one in takeover_steps()
    ]
    w = Writer(plan(steps))
    for one in steps:
        w.do(one.id, 1.0, Outcome(Ending.OK, output={}, simulated=True))
    return w.finish()


def restore_drill() -> list[Event]:
    """A half-yearly restore: no fault, no outage; the copy is checked by the application's own queries."""
    steps = [
        step(
            "restore",
            "ansible",
            (),
            spec={"playbook": "restore/pitr.yml", "limit": "spare"},
            budget=60.0,
            irreversible="the spare is wiped",
            zh="恢复备份",
        ),
        step(
            "queries",
            "probe",
            ["restore"],
            spec={"sql": {"query": "select count(*) from orders"}, "target": "spare"},
            marks=(Milestone.RESTORED,),
            zh="业务查询",
        ),
        step("loss", "marker", ["queries"], spec={"measure": {"target": "spare"}}, zh="统计丢失"),
    ]
    w = Writer(
        plan(
            steps,
            purpose="restore",
            fault_class=None,
            severity=None,
            runbook="restore-to-spare",
            title=Text(en="Restore the backup on the spare machine", zh="备份恢复演练"),
        )
    )
    return loss(w.do("restore", 41).do("queries", 0.3, Outcome(Ending.OK, output={"value": 9021}))).finish()


def tabletop() -> list[Event]:
    """People talked the takeover through."""
    steps = [
        step(one.id, "manual", one.needs, changes=False, spec={"instructions": {"en": f"Talk it through: {one.id}"}})
        for one in takeover_steps()
    ]
    w = Writer(plan(steps, mode=Mode.TABLETOP))
    for one in steps:
        w.add(K.STEP_WAITING, step=one.id, kind="manual", undo=False, **one.spec)
        w.tick(180).decide("mark-done", one.id, by="zhang-min")
    return w.finish()


def thousand_steps(count: int = 1000) -> list[Event]:
    """Many scripted steps in eight parallel branches."""
    steps = [
        step(f"s{n:04}", "scripted", [f"s{n - 8:04}"] if n >= 8 else [], spec={"takes": 0.05}, changes=False)
        for n in range(count)
    ]
    w = Writer(plan(steps))
    for first in range(0, count, 8):
        batch = [one.id for one in steps[first : first + 8]]
        for name in batch:
            w.start(name)
        for name in batch:
            w.tick(0.05).end(name, outcome=Outcome(Ending.OK, simulated=True), elapsed=0.05)
    return w.finish()


def hostile() -> list[Event]:
    """Every text a person or a host supplies tries to break out of the page."""
    nasty = "</style><script>alert(1)</script>{{ 7*7 }}{% raw %}\"'>&\u202e\x00\x1b[31m" + "x" * 400
    steps = [
        step("a", title=Text(en=nasty, zh=nasty), spec={"host": "standby", "argv": [nasty, "-o", "$(id)"]}),
        step("b", "manual", ["a"], spec={"instructions": {"en": nasty, "zh": nasty}}),
    ]
    drill = {
        **DRILL,
        "title": {"en": nasty, "zh": nasty},
        "scenario": {"en": nasty, "zh": nasty},
        "participants": [nasty],
    }
    w = Writer(
        plan(steps, title=Text(en=nasty, zh=nasty), drill=drill, inputs={"cluster": nasty}, system="orders"), by=nasty
    )
    w.do("a", 1.0, Outcome(Ending.OK, output={nasty: nasty}, ref=OutputRef(nasty, "00" * 32, 3)))
    w.add(K.WARNING, text=nasty)
    w.add(K.BREACH, kind="expectation", detail=nasty, by=nasty)
    w.add(K.STEP_WAITING, step="b", kind="manual", undo=False, **steps[1].spec)
    w.tick(5).decide("mark-done", "b", by=nasty, why=nasty)
    return w.finish("succeeded", nasty)


EXAMPLES: dict[str, Callable[[], list[Event]]] = {
    one.__name__: one
    for one in (
        success,
        missed,
        unproven,
        live_with_customer_approval,
        failed_and_rolled_back,
        rollback_failed,
        crashed_and_resumed,
        clock_jump,
        fence_overridden,
        simulated,
        restore_drill,
        tabletop,
        hostile,
    )
}
