"""A diagnosis as people read it, and as JSON: the verdict, its evidence, and the command that starts the runbook."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from orchestrator.cli.diagnosis_words import WORDS
from orchestrator.cli.words import one_line
from orchestrator.model.diagnosis import Diagnosis, Evidence, Finding, Sighting
from orchestrator.model.duration import format_duration
from orchestrator.records.i18n import language

_SIGN = {Sighting.HOLDS: "+", Sighting.FALLS_SHORT: "-", Sighting.UNSEEN: "?"}
Say = Callable[..., str]


def command_of(finding: Finding, found: Diagnosis, called: Sequence[str], place: Sequence[str]) -> list[str]:
    """The words that start the finding's runbook. ``called``: how this program was called; ``place``: its site."""
    words = [*called, "run", finding.runbook, "--mode", "live", *place, "--detected", found.at]
    for name, value in finding.inputs.items():
        words += ["--input", f"{name}={_value(value)}"]
    return words


def _value(value: Any) -> str:
    if value is None:
        return "..."
    return str(value).lower() if isinstance(value, bool) else str(value)


def missing(finding: Finding) -> list[str]:
    """Inputs that nobody but a person can give."""
    return [name for name, value in finding.inputs.items() if value is None]


def lines(found: Diagnosis, lang: str, called: Sequence[str], place: Sequence[str]) -> Iterator[str]:
    """All of it, line by line, in ``en`` or ``zh``."""
    say = _in(lang)
    verdict = found.verdict
    first = found.recognised[0] if found.recognised else None
    yield say(
        f"headline.{verdict}",
        target=found.target,
        title=first.title.in_language(lang) if first else "",
        **(_class(first, lang) if first else {}),
    )
    count = sum(len(one.evidence) for one in found.findings)
    yield "  " + say("looked", at=f"{found.at[:19]}Z", count=count, took=format_duration(found.took_s))
    if not found.findings:
        yield f"  {say('nothing')}"
    for number, one in enumerate(found.recognised):
        if number:
            yield f"{say('also')}{say('colon')}{_for(one, lang)}{say('colon')}{one.title.in_language(lang)}"
        yield f"  {say('evidence')} ({one.signs}, {one.about}){say('colon')}".rstrip()
        yield from _evidence(one.evidence, lang)
        yield f"  {say('start')}{say('colon')}".rstrip()
        yield f"    {shlex.join(command_of(one, found, called, place))}"
        if missing(one):
            yield "    " + say("fill", names=", ".join(missing(one)))
        yield f"    {say('onset')}"
    yield from _rest(found, lang)


def _rest(found: Diagnosis, lang: str) -> Iterator[str]:
    """What was not recognised: what is open, what is not well all the same, and what was not looked for."""
    say = _in(lang)
    for one in found.open:
        yield f"{say('open')}{say('colon')}{_for(one, lang)} ({one.signs})"
        yield from _evidence(one.evidence, lang)
    told = {evidence.look for one in (*found.recognised, *found.open) for evidence in one.evidence}
    odd = {
        evidence.look: evidence
        for one in found.findings
        for evidence in one.evidence
        if one.recognised is False and evidence.sighting is not Sighting.HOLDS and evidence.look not in told
    }
    if odd:
        yield f"{say('not_well')}{say('colon')}".rstrip()
        yield from _evidence(tuple(odd.values()), lang)
    for left in found.left_out:
        yield f"{say('broken' if left.broken else 'left_out')}{say('colon')}{left.signs} ({left.why})"


def _evidence(evidence: Sequence[Evidence], lang: str) -> Iterator[str]:
    say = _in(lang)
    for one in evidence:
        tag = f" [{say('simulated')}]" if one.simulated else ""
        name = f"{one.title.in_language(lang)} ({one.look}){tag}"
        yield f"    {_SIGN[one.sighting]} {name}{say('colon')}{_told(one, say)}"


def _told(one: Evidence, say: Say) -> str:
    what = one_line(one.told) if one.told else _pairs(one.seen)
    return f"{say(str(one.sighting))}{f'; {what}' if what else ''} [{one.at[:19]}Z]" if one.at else what


def _pairs(seen: Mapping[str, Any]) -> str:
    return one_line(", ".join(f"{path}={value}" for path, value in seen.items()))


def _class(finding: Finding, lang: str) -> dict[str, str]:
    word = language(lang).word("class", finding.fault_class)
    return {"class_name": word, "fault_class": str(finding.fault_class)}


def _for(finding: Finding, lang: str) -> str:
    return _in(lang)("for", fault_class=_class(finding, lang)["class_name"], about=finding.about)


def _in(lang: str) -> Say:
    words = WORDS[lang]
    return lambda key, **values: words[key].format(**values) if values else words[key]


def as_json(found: Diagnosis, called: Sequence[str], place: Sequence[str], exit_code: int) -> dict[str, Any]:
    """The same for programs."""
    first = found.recognised[0] if found.recognised else None
    return {
        "type": "diagnosis",
        "target": found.target,
        "site": found.site,
        "at": found.at,
        "took_s": found.took_s,
        "verdict": str(found.verdict),
        "fault_class": str(first.fault_class) if first else None,
        "runbook": first.runbook if first else None,
        "command": command_of(first, found, called, place) if first else None,
        "exit_code": exit_code,
        "findings": [_finding(one, found, called, place) for one in found.findings],
        "left_out": [asdict(one) for one in found.left_out],
    }


def _finding(one: Finding, found: Diagnosis, called: Sequence[str], place: Sequence[str]) -> dict[str, Any]:
    return {
        "signs": one.signs,
        "fault_class": str(one.fault_class),
        "title": one.title.model_dump(),
        "about": one.about,
        "recognised": one.recognised,
        "runbook": one.runbook,
        "inputs": dict(one.inputs),
        "missing_inputs": missing(one),
        "command": command_of(one, found, called, place) if one.recognised else None,
        "evidence": [
            {**{name: getattr(e, name) for name in ("look", "does", "told", "at", "took_s", "simulated")},
             "title": e.title.model_dump(), "sighting": str(e.sighting), "expected": dict(e.expected),
             "seen": dict(e.seen)}
            for e in one.evidence
        ],
    }  # fmt: skip
