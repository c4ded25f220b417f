"""The hurts of a recovery at night, each by its number, and the tests that prove what must hold.

1  kill -9 at every journal record: same end, nothing repeated
   acceptance/test_kill_everywhere.py::test_a_kill_at_any_record_changes_neither_the_end_nor_the_effects
   acceptance/test_kill_everywhere.py::test_a_second_kill_while_resuming_changes_nothing_either
   acceptance/test_kill_mid_step.py::test_killed_in_every_long_step_of_the_takeover_each_is_attached_to_and_done_once
   acceptance/test_kill_mid_step.py::test_killed_while_a_command_runs_over_ssh_it_is_attached_to
   acceptance/test_kill_mid_step.py::test_a_child_that_was_killed_with_its_driver_is_asked_about
   unit/engine/test_crashes.py::test_a_crash_at_every_event_of_every_driver_still_comes_to_the_same_end
2  SIGTERM in the middle of a step: no new step, what runs is named, an exit code of its own
   acceptance/test_hurts_drivers.py::test_a_signal_begins_nothing_more_and_says_what_runs_and_how_to_go_on
3  SIGSTOP, then CONT: the run is only driven on by who still owns it
   acceptance/test_hurts_drivers.py::test_a_driver_that_was_stopped_for_a_while_goes_on
   acceptance/test_hurts_drivers.py::test_a_zombie_driver_stops_as_soon_as_it_wakes
4  a link cut in the middle of a step: bounded, unknown, found again once it is healed
   integration/executors/test_fabric_cut_link.py::test_a_cut_link_is_unknown_in_bounded_time_and_the_command_is_found_again_once_it_is_healed
   integration/executors/test_fabric_cut_link.py::test_past_its_time_on_a_cut_link_it_says_that_it_may_still_run
   unit/engine/test_driving.py::test_a_lost_command_is_looked_for_on_its_target_before_anything_else
   unit/engine/test_driving.py::test_an_unknown_step_that_may_be_probed_is_settled_by_its_verify
5  the fence says ok and the power is still on: promotion refused, and the record says why
   acceptance/test_hurts_fence.py::test_a_fence_that_lies_is_found_out_and_only_two_people_may_go_past_it
6  the fence times out: stop; two people may override, on record
   acceptance/test_hurts_fence.py::test_a_fence_that_never_answers_is_unknown_and_the_takeover_stops
   acceptance/test_hurts_fence.py::test_a_fence_that_lies_is_found_out_and_only_two_people_may_go_past_it
7  two runs on one target: one goes, the other names holder and since when
   acceptance/test_hurts_drivers.py::test_of_two_runs_on_one_target_one_goes_and_the_other_names_it
   acceptance/test_hurts_drivers.py::test_a_run_that_nobody_drives_keeps_its_target_until_it_has_ended
8  the orchestrator is dead and its child alive: a second run finds the target locked
   acceptance/test_hurts_drivers.py::test_a_dead_orchestrators_living_child_keeps_its_target
9  the standby lags beyond the RPO: stop before the promotion; forcing is a breach
   acceptance/test_hurts_fence.py::test_a_standby_that_is_too_far_behind_is_not_promoted_unless_somebody_answers_for_it
   acceptance/test_hurts_fence.py::test_a_standby_of_which_nobody_knows_how_far_behind_it_is_is_not_promoted
10 a rollback fails: loud, with what to do by hand, never success
   acceptance/test_hurts_text.py::test_a_rollback_that_fails_is_told_loudly_with_what_to_do_by_hand
12 the clock jumps: durations stay true, the jump is flagged
   unit/engine/test_driving.py::test_a_clock_that_jumps_is_flagged_and_durations_stay_true
16 the disk is full: the run goes on, warns, nothing is truncated
   acceptance/test_hurts_store.py::test_a_run_begins_though_nothing_can_be_written
   acceptance/test_hurts_store.py::test_a_run_goes_on_when_its_disk_is_suddenly_full
   acceptance/test_hurts_store.py::test_a_run_that_was_killed_on_a_full_disk_is_resumed_from_there
17 the store is missing, read-only, locked or corrupt: the runbook runs all the same, and its journal comes home
   acceptance/test_hurts_store.py::test_a_run_begins_though_nothing_can_be_written
   acceptance/test_hurts_store.py::test_a_read_only_state_directory_of_an_ordinary_account_does_not_stop_a_run
   acceptance/test_hurts_store.py::test_a_command_whose_end_a_read_only_disk_swallowed_is_asked_about_and_the_run_goes_on_elsewhere
   acceptance/test_hurts_store.py::test_a_corrupt_store_is_put_aside_and_the_run_goes_on
   integration/journal/test_failover.py::test_a_store_that_fails_in_mid_run_is_replaced_and_the_chain_goes_on
   integration/journal/test_failover.py::test_a_locked_store_is_waited_for_a_bounded_time_and_then_replaced
   integration/journal/test_failover.py::test_postgresql_down_in_mid_run_goes_on_and_is_brought_back
19 planted secrets: in no store, log, record, metric, artifact, nor in the process list
   acceptance/test_secrets.py::test_planted_secrets_are_nowhere
   integration/executors/test_ansible_secrets.py::test_a_secret_is_nowhere_after_a_play_was_stopped
   integration/executors/test_fabric_ssh.py::test_secrets_of_environment_and_stdin_are_in_no_process_list_and_no_file
   integration/executors/test_marker_real.py::test_the_password_is_in_no_process_list_and_no_file
20 an unknown or a changed host key: refused, with the mend
   integration/executors/test_fabric_ssh.py::test_an_unknown_host_key_is_refused_with_its_fingerprint_and_the_mend
   integration/executors/test_fabric_ssh.py::test_a_changed_host_key_is_refused_with_the_mend
21 templates, shell words, options and newlines in values: literal text everywhere
   acceptance/test_hurts_text.py::test_a_value_that_does_not_fit_its_pattern_is_refused_and_not_evaluated
   acceptance/test_hurts_text.py::test_any_text_reaches_journal_fabric_ansible_and_record_as_it_is
   integration/executors/test_fabric_ssh.py::test_every_word_of_the_command_stays_literal
   integration/executors/test_ansible.py::test_values_stay_literal_text
22 names that lead elsewhere: refused
   acceptance/test_hurts_text.py::test_no_name_leads_out_of_the_workspace_or_the_state
   acceptance/test_hurts_text.py::test_a_playbook_outside_is_refused_before_anything_is_done
   integration/documents/test_workspace.py::test_a_symbolic_link_out_of_the_workspace_is_refused
   integration/executors/test_ansible.py::test_no_name_from_outside_leads_out_of_the_jobs_directory
23 bombs, duplicates, fifty megabytes, deep nesting: refused within a second, with line and column
   acceptance/test_hurts_text.py::test_a_bomb_is_refused_within_a_second_with_its_place
   unit/documents/test_reader.py::test_a_bomb_is_refused_within_a_second
   integration/documents/test_files.py::test_a_fifty_megabyte_file_is_refused_within_a_second
26 evidence edited, deleted, reordered or cut: the first bad record is named
   acceptance/test_hurts_text.py::test_a_tampered_bundle_is_refused_and_the_first_bad_thing_named
   acceptance/test_hurts_text.py::test_a_bundle_holds_on_another_machine_without_a_network
   unit/journal/test_chain.py::test_tampering_is_named
   integration/journal/test_evidence.py::test_a_changed_bundle_is_refused_and_the_first_bad_thing_named
"""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
WANTED = {*range(1, 11), 12, 16, 17, *range(19, 24), 26}


def test_every_hurt_is_proved_by_tests_that_are_there() -> None:
    proofs: dict[int, list[str]] = {}
    number = 0
    for line in (__doc__ or "").splitlines():
        if head := re.match(r"(\d+) +\S", line):
            number = int(head[1])
            proofs[number] = []
        elif "::" in line:
            proofs[number].append(line.strip())
    assert set(proofs) == WANTED
    assert all(proofs.values())
    missing = []
    for proof in sorted({proof for found in proofs.values() for proof in found}):
        file, _, name = proof.partition("::")
        path = TESTS / file
        if not path.is_file() or not re.search(rf"^def {re.escape(name)}\(", path.read_text(), re.MULTILINE):
            missing.append(proof)
    assert missing == []
