"""The sql probe against a real PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Counting, Reins, free_port, inventory_of, until
from postgres_kit import PASSWORD, Postgres

from orchestrator.executors.contract import Wish
from orchestrator.executors.probe import ProbeExecutor
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.wiring.clock import SystemClock

Look = Callable[..., Outcome]


@pytest.fixture
def look(postgres: Postgres, make_job: Callable[..., Job]) -> Look:
    """``look(query, **job)``: one probe job on the server."""

    def do(query: Any, reins: Reins | None = None, host: dict[str, Any] | None = None, **more: Any) -> Outcome:
        executor = ProbeExecutor(inventory_of(postgres.host("db", **(host or {}))), SystemClock())
        job = make_job("probe", {"sql": query, "target": "db"}, **more)
        return executor.run(job, reins or Reins())

    return do


def test_rows_come_typed(look: Look, make_job: Callable[..., Job]) -> None:
    text = "'a,b\"c' || chr(10) || 'd'"
    first = f"select not pg_is_in_recovery(), 2, 1.5, '007', null::text, '', {text}"
    query = f"{first} union all select false, 3, 0, 'x', '', '', ''"
    outcome = look(query)
    assert outcome.ok, outcome
    assert outcome.output == {
        "rows": [[True, 2, 1.5, "007", None, "", 'a,b"c\nd'], [False, 3, 0, "x", "", "", ""]],
        "value": True,
        "rowcount": 2,
        "looked": 1,
    }
    out = Path(make_job("probe", {}).directory) / "out"
    assert out.read_text().startswith("t,2,1.5,007,,")


@pytest.mark.parametrize("query", ["select false", "select null", "select 1 where false"])
def test_without_an_expectation_false_null_and_nothing_fail(look: Look, query: str) -> None:
    outcome = look(query)
    assert outcome.ending is Ending.FAILED
    assert "wanted" in outcome.error and "rowcount" in outcome.output


def test_zero_is_no_false(look: Look) -> None:
    assert look("select 0").ok


def test_expectations_judge(look: Look) -> None:
    assert look("select false", expect={"value": {"equals": False}}).ok
    outcome = look("select 7 as lag", expect={"output.value": {"max": 5}})
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "output.value: wanted at most 5, got 7"
    assert outcome.output["value"] == 7


def test_a_servers_error_is_no_sight(look: Look) -> None:
    outcome = look("select nonsense")
    assert outcome.ending is Ending.FAILED
    assert 'column "nonsense" does not exist' in outcome.error
    assert outcome.mend


def test_a_look_changes_nothing(look: Look, postgres: Postgres) -> None:
    outcome = look("create table hurt()")
    assert "read-only transaction" in outcome.error
    assert postgres.sql("select to_regclass('hurt') is null") == "t"


def test_psqls_own_commands_and_variables_are_no_commands(look: Look, tmp_path: Path) -> None:
    hurt = tmp_path / "hurt"
    for query in (
        f"\\! touch {hurt}",
        f" \n\\! touch {hurt}",
        f"select 1 \\! touch {hurt}",
        f"select 1;\n\\! touch {hurt}",
    ):
        assert look(query, step=f"s{abs(hash(query))}").ending is Ending.FAILED
    assert not hurt.exists()
    assert look("select ':HOME', ':''HOME'''").output["rows"] == [[":HOME", ":'HOME'"]]


def test_a_server_that_is_not_there_is_no_sight(look: Look) -> None:
    outcome = look("select 1", host={"pg_port": free_port()})
    assert outcome.ending is Ending.FAILED
    assert "refused" in outcome.error and "pg_port" in outcome.mend


def test_a_slow_query_ends_in_its_time_and_is_stopped_on_the_server(look: Look, postgres: Postgres) -> None:
    began = time.monotonic()
    outcome = look({"query": "select pg_sleep(300)", "timeout": "1s"})
    assert outcome.ending is Ending.FAILED
    assert time.monotonic() - began < 4
    running = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
    until(lambda: postgres.sql(running) == "0", what="the query ended")


def test_a_missing_psql_says_so(look: Look, tmp_path: Path) -> None:
    outcome = look("select 1", host={"pg_bin": str(tmp_path)})
    assert outcome.ending is Ending.FAILED
    assert "no psql in" in outcome.error and "pg_bin" in outcome.mend


def _words() -> list[bytes]:
    """The words of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            found.append(path.read_bytes())
    return found


def test_the_password_is_in_no_process_list(look: Look, postgres: Postgres) -> None:
    ended: list[Outcome] = []
    host = {"pg_passfile": "", "pg_password": PASSWORD}
    thread = threading.Thread(target=lambda: ended.append(look("select pg_sleep(25), 1", host=host)))
    thread.start()
    running = "from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
    until(lambda: postgres.sql(f"select count(*) {running}") == "1", what="the query running")
    lines = _words()
    postgres.sql(f"select pg_cancel_backend(pid) {running}")
    thread.join()
    assert any(b"pg_sleep" in line for line in lines)
    assert not any(PASSWORD.encode() in line for line in lines)
    assert "canceling statement" in ended[0].error, "it was looked for while the query ran"


def test_a_query_with_a_secret_in_it_is_not_asked(look: Look) -> None:
    outcome = look("select 'hunter22'", secrets=("hunter22",))
    assert outcome.ending is Ending.FAILED
    assert "holds a secret" in outcome.error and "hunter22" not in outcome.error


def test_it_looks_again_until_it_holds_and_says_since_when(look: Look, postgres: Postgres) -> None:
    postgres.sql("drop table if exists ready; create table ready()")
    reins = Counting(2, lambda: postgres.sql("drop table ready"))
    outcome = look("select to_regclass('ready') is null", reins, within=25.0, every=0.1)
    assert outcome.ok
    assert outcome.output["looked"] == 3
    assert outcome.milestones["held_at"].endswith("Z")


def test_what_does_not_hold_in_time_fails_with_what_was_missing(look: Look) -> None:
    # Long enough for a second look also where the first takes a second.
    outcome = look("select 7", expect={"value": 8}, within=3.0, every=0.1)
    assert outcome.ending is Ending.FAILED
    assert "looks): value: wanted 8, got 7" in outcome.error
    assert outcome.output["looked"] > 1


def test_it_stops_looking_when_it_is_cancelled_or_let_go(look: Look) -> None:
    for wish, ending in ((Wish.CANCEL, Ending.UNKNOWN), (Wish.DETACH, Ending.LEFT)):
        reins = Reins()
        timer = threading.Timer(0.3, reins.pull, (wish,))
        timer.start()
        began = time.monotonic()
        assert look("select false", reins, within=20.0, step=str(wish)).ending is ending
        assert time.monotonic() - began < 15
        timer.join()


def test_check_only_asks_whether_there_is_anything_to_see(postgres: Postgres, make_job: Callable[..., Job]) -> None:
    executor = ProbeExecutor(
        inventory_of(postgres.host("db"), postgres.host("gone", pg_port=free_port())), SystemClock()
    )
    job = make_job("probe", {"sql": "select false", "target": "db"})
    assert executor.check(job, Reins()).ok
    assert not Path(job.directory).exists()
    assert executor.check(make_job("probe", {"sql": "select 1", "target": "gone"}), Reins()).ending is Ending.FAILED
