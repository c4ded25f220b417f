"""Whether a job's output is what its step expects."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model.job import Job, Phase
from orchestrator.model.matcher import Matcher, unmet
from orchestrator.model.outcome import Ending, Outcome


def judged(job: Job, outcome: Outcome) -> tuple[Outcome, list[str]]:
    """The outcome, failed where an action's output is not as expected, and the expectations that are not met.

    Checks are judged by their executors, which look until they hold.
    """
    if job.phase is not Phase.ACTION or outcome.ending not in (Ending.OK, Ending.FAILED):
        return outcome, []
    if not outcome.ok and not outcome.output:
        return outcome, []  # there is no output to judge
    try:
        missed = unmet({path: Matcher.model_validate(matcher) for path, matcher in job.expect.items()}, outcome.output)
    except ValueError as error:
        # A value that was put in made no matcher of it (a broken regular expression, say).
        missed = [f"the expectation can not be read: {error}"]
    if missed and outcome.ok:
        told = "expected otherwise: " + "; ".join(missed)
        outcome = replace(outcome, ending=Ending.FAILED, error=told)
    return outcome, missed
