"""Remarks: why a verdict is what it is, as a code with values, so that it can be said in every language.

The English sentence travels with the remark. Values whose name ends in ``_s`` are seconds and are shown as
durations; the others are shown as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model.document import Document
from orchestrator.model.duration import format_duration

Value = str | int | float | bool | None

ENGLISH: dict[str, str] = {
    # objectives
    "rto_not_set": "No recovery time objective is set.",
    "rpo_not_set": "No recovery point objective is set.",
    "not_recovering": "Mode {mode} recovers nothing.",
    "onset_missing": "Nobody and nothing said when the fault began; without onset no outage can be timed.",
    "no_fault": "A {purpose} drill has no fault and no outage; the time the work took is reported instead.",
    "change_no_fault": "A change has no fault, and no outage was reported.",
    "restored_missing": "No step or person said when the service was restored.",
    "restored_not_yet": "The service is not restored yet; {elapsed_s} have passed of {limit_s}.",
    "restored_never": "The run ended ({status}) without the service restored, {elapsed_s} after onset.",
    "restored_late": "Not restored {elapsed_s} after onset; the limit is {limit_s}.",
    "restored_before_onset": "The service was reported restored before the fault began; the milestones contradict.",
    "within": "{achieved_s} of {limit_s}.",
    "beyond": "{achieved_s}, which is {over_s} over the limit of {limit_s}.",
    "never_down": "There was no outage: commits went on, with {pause_s} between two at most; {limit_s} allowed. "
    "That the service runs was confirmed {confirmed_s} after onset.",
    "never_down_so_far": "There was no outage until the run ended ({status}): commits went on, with {pause_s} between "
    "two at most; {limit_s} allowed.",
    "commits_again": "Commits went on again {achieved_s} after onset; {limit_s} allowed. The run ended ({status}) "
    "before it confirmed the service.",
    "stopped_before_fault": "The run ended before it made its fault: nothing was interrupted and nothing was lost.",
    "no_copy_serves": "The run ended before {steps}: it put no copy in the place of the data, and so lost nothing.",
    "rpo_not_yet": "The loss of data is counted when the run ends, at the latest.",
    "unsure": "{achieved_s} as measured, but up to {worst_s} given how exactly onset and restoration are known; "
    "the limit is {limit_s}.",
    "rpo_not_measured": "No marker measurement ended well, so the loss of data is not known.",
    "rpo_unbounded": "{lost} transactions are lost, and none from before them is known: the span is not known.",
    "rpo_no_markers": "No markers had been written before the fault, so the loss of data is not known.",
    "rto_simulated": "Steps were simulated: how long the real systems take was not measured.",
    "rpo_simulated": "The marker measurement was simulated.",
    "rpo_within": "{lost} transactions and {lost_s} of committed work lost; {limit_s} allowed.",
    "rpo_beyond": "{lost} transactions and {lost_s} of committed work lost; only {limit_s} allowed.",
    # service level
    "no_service_level": "No service level is given for the system.",
    "service_level_unreadable": "The service level in the plan cannot be read: {why}.",
    "no_severity": "No severity is given, so no contract clock applies.",
    "no_targets": "The service level promises nothing for severity {severity}.",
    "clock_running": "The clock runs: {counted_s} counted of {limit_s}.",
    "clock_never_stopped": "Not reached when the record ends; {counted_s} counted of {limit_s}.",
    "clock_within": "{counted_s} counted of {limit_s}.",
    "clock_beyond": "{counted_s} counted, {over_s} over the limit of {limit_s}.",
    "on_site_not_recorded": "Arrival on site is not a milestone of a run; it is to be filled in by hand.",
    "drill_not_resolved": "A drill has no cause to repair; the moment of resolution is not awaited.",
    # milestones
    "before_onset": "{name} lies before onset and is not used for the intervals.",
    "out_of_order": "{name} lies before {previous} and is not used for the intervals.",
    "after_restored": "{name} lies after the service was restored and is not used for the intervals.",
    "outside_step": (
        "The moment {given} that step {step} told for {name} lies outside that step; the clock it was read from may "
        "be off, so the step's own bounds are used."
    ),
    "superseded": "{name} was given {times} times; the last one counts.",
    "withdrawn": "{name} had been reached by step {step}, which was taken back later.",
    "not_all_marked": "{name} waits for every step that marks it; still missing: {steps}.",
    "unreadable": "A moment given for {name} cannot be read and is not used: {given}.",
    # verification
    "mode_not_counted": "Mode {mode} does not count as verification; only drill and live do.",
    "status_not_succeeded": "The run's status is {status}, not succeeded.",
    "was_simulated": "Simulated: {steps}.",
    "objective_not_met": "{objective} is {verdict}.",
    "had_breach": "A promise was knowingly not kept: {detail}",
    "not_as_written": "Step {step} did not run as written ({how}, by {by}).",
    "verified": "Succeeded in mode {mode}, as written, with nothing simulated and every objective met.",
    # deviations and notices
    "deviated_skip": "Left out by {by}: {why}",
    "deviated_mark-done": "Marked done by {by}: {why}",
    "deviated_override": "Safeguard overridden by {by}: {why}",
    "deviated_reject": "Refused by {by}: {why}",
    "deviated_retry": "Tried again on the word of {by}: {why}",
    "deviated_auto_retry": "Needed {attempts} attempts ({retries} retries are planned).",
    "deviated_doubt": "Was in doubt: {why}",
    "deviated_budget": "Took {elapsed_s}; its budget is {budget_s}.",
    "deviated_order": "Began before it should have: {needs} had not come to a good end.",
    "deviated_never": "Was never begun.",
    "deviated_undone": "Was undone.",
    "deviated_failed": "Ended as {status}: {error}",
    "deviated_rollback": "Rolled back by {by}: {why}",
    "deviated_abort": "Aborted by {by}: {why}",
    "driver_changed": "The driving process changed {times} times; {absent_s} passed without one.",
    "clock_jumped": "The wall clock was moved by {by_s}; durations within one process are not affected.",
    "measured_by_wall": "Measured by the wall clock, because more than one process or person is involved.",
    # what to do now
    "do_resume": "Nothing drives this run. Bring it on with: holdfast resume {run}",
    "do_decide": "A decision is needed on step {step} ({status}); it takes: {verbs}.",
    "do_look": "Step {step} was left {status}; see by hand what state it left behind.",
    "do_count": "What was lost was not counted (step {step}), so the RPO is unproven. Count it by hand.",
    "do_who": "{count} of these must agree: {people}.",
    "do_by": "Answer by {at} (UTC).",
    "do_answer": "Step {step} waits for an approval.",
    "do_by_hand": "Step {step} waits for a person to do it and say so (holdfast mark-done).",
    "do_rollback_failed": "The rollback did not bring health back. By hand:",
    "do_taken_back": "Step {step} was taken back: {error}. Decide with its owner what to do instead, or to leave it.",
    "do_irreversible": "Step {step} cannot be undone: {why}",
    "do_override_review": "Step {step} was overridden; confirm by hand what it would have made sure of.",
}
"""Code to English sentence. The Chinese ones are in records.i18n; a test holds them together."""


class Remark(Document):
    """A sentence: its code, the values in it, and how it reads in English."""

    code: str
    values: Mapping[str, Value] = {}
    text: str


def say(sentence: str, values: Mapping[str, Value]) -> str:
    """``sentence`` with the values put in. Values are put in once and are not read again."""
    shown = {
        name: format_duration(value) if name.endswith("_s") and isinstance(value, int | float) else value
        for name, value in values.items()
    }
    return sentence.format_map(shown)


def remark(code: str, **values: Value) -> Remark:
    """The remark ``code`` with its values. Raises KeyError for a code or value that does not exist."""
    return Remark(code=code, values=values, text=say(ENGLISH[code], values))
