"""Performance faults: the order service gets slow, for real, and nothing is down.

A session holds locks that orders wait for; a batch account takes the host's processor time, or has its disk write all
the time; an index is gone that every order needs. The database host is slowed, and customers notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.sites import replication, tools
from orchestrator.lab.sites.faults import Fault, Notes
from orchestrator.lab.sites.host import SERVICE_PROGRAM, LabHost

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_DATABASES = "db-a"
ACCOUNT, FIGURES, HOG = "batch", "figures", "batch-figures"
"""The batch accounts, one that writes and one that reckons, and the service that either runs."""
REPORT = "month-end-report"
"""The name by which the runaway session says who it is."""
CPU_SHARE = 0.3
"""Part of one processor that the host has while it is hogged, so that other hosts do not notice the hog."""
HOGS, FIRST = 4, -10
"""Processes that never rest, and how nice they are: they come before the database, so that no order finds a gap between
them. Logins come beside them, as an estate that has met a hog before arranges it."""
WRITES, WRITERS = 400, 32
"""Writes a second that the host's disk does while it is hogged, and how many of the hog's are always waiting there. The
limit is several times what orders need; with the hog, each write and each flush of theirs waits behind 32 others."""
SCRATCH = "/var/lib/postgresql/batch"
"""Where the batch writes: the database's own file system."""
ROWS = 600_000
"""Accounts of customers: so many that looking for one without an index takes far longer than an order."""
INDEX = "account_pkey"

_LOCK_SQL = "BEGIN;\nSELECT number FROM order_counter FOR UPDATE;\n"
_REPORT_SQL = _LOCK_SQL + "SELECT sum(length(pg_sleep(0.02)::text)) FROM generate_series(1, 1000000);\nCOMMIT;\n"  # noqa: S608 - constants
"""A report that locks what every order needs, and then reads on, a row in 20 ms: slow, and not heavy on the machine."""
_IDLE_SQL = _LOCK_SQL + "\\! exec setpriv --pdeathsig KILL sleep 3600\n"
"""One whose client does something else meanwhile: there is no query to cancel, and the lock is held all the same."""

_IN_STEP = "SELECT bool_and(replay_lsn >= pg_current_wal_lsn() - 65536) FROM pg_stat_replication"
"""Whether the standbys have all but the newest 64 KiB, which orders write all the time."""
_CALM = 1.5
"""Seconds without the fault's own preparations before it begins."""

_GO = 'date -u +%FT%T.%6NZ; exec pkill -CONT -u "$1"'
"""Says when, on the host itself: a call from outside would come some time later."""

_ATTACH = (
    f"ALTER TABLE account ADD CONSTRAINT {INDEX} PRIMARY KEY USING INDEX {INDEX}",
    "ALTER TABLE ledger ADD CONSTRAINT ledger_account_fkey FOREIGN KEY (account) REFERENCES account (name) NOT VALID",
    "ALTER TABLE ledger VALIDATE CONSTRAINT ledger_account_fkey",
)
"""What hangs on the index, in the order in which it comes back."""


def _query(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    return _session(lab, words, _REPORT_SQL, "state = 'active' AND query LIKE '%pg_sleep%'")


def _idle(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    return _session(lab, words, _IDLE_SQL, "state = 'idle in transaction' AND query LIKE '%FOR UPDATE%'")


def _session(lab: SitesLab, words: Mapping[str, str], text: str, holds: str) -> dict[str, Any]:
    host = lab.host(words.get("host", _DATABASES))
    home = "/usr/local/share/holdfast-lab"
    host.run(["install", "-d", home])
    host.run(["tee", f"{home}/{REPORT}.sql"], input=text)
    psql = host.run(["sh", "-c", "ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1"]).stdout.strip() + "/psql"
    argv = [psql, "-Xq", "-d", "orders", "-v", "ON_ERROR_STOP=1", "-f", f"{home}/{REPORT}.sql"]
    host.write_service(REPORT, argv, user="postgres", env={"PGAPPNAME": REPORT}, boot=False)
    host.service("start", REPORT)
    # The server knows since when the lock is held: since the session's state changed last.
    since = "to_char(state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    asked = f"SELECT {since} FROM pg_stat_activity WHERE application_name = '{REPORT}' AND {holds}"  # noqa: S608 - constants
    at = _until(lambda: replication.sql(host, asked), f"{REPORT} does not run on {host.name}")
    return {"service": REPORT, "at": at}


def _cpu(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    host = lab.host(words.get("host", _DATABASES))
    _start(host, ["stress-ng", "--cpu", str(HOGS), "--temp-path", SCRATCH, "--quiet"], FIGURES)
    _until(lambda: len(batch(host)) > HOGS, f"{HOG} does not run on {host.name}")
    host.run(["pkill", "-STOP", "-u", FIGURES])
    host.run(["renice", "-n", str(FIRST), "-u", FIGURES])
    _nice_logins(host, FIRST)
    return _let_go(host, FIGURES, lambda: host.limit_cpu(CPU_SHARE))


def _io(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    host = lab.host(words.get("host", _DATABASES))
    tools.install(host, ["lab-disk-user"])
    _start(host, ["/usr/local/sbin/lab-disk-user", f"{SCRATCH}/figures", str(WRITERS)], ACCOUNT)
    # It stands still by itself when its files are written.
    return _let_go(host, ACCOUNT, lambda: host.limit_writes(WRITES))


def _start(host: LabHost, argv: list[str], account: str) -> None:
    host.run(["install", "-d", "-m", "0777", SCRATCH])
    for each in (ACCOUNT, FIGURES):
        if host.run(["id", "-u", each], check=False).returncode != 0:
            host.run(["useradd", "--system", "--no-create-home", each])
    host.write_service(HOG, argv, user=account, boot=False)
    host.service("start", HOG)


def _let_go(host: LabHost, account: str, limit: Callable[[], None]) -> dict[str, Any]:
    """Limit the host while its hog stands still, and let all of it go at one moment: from then on orders are slow."""
    _until(lambda: _stands_still(host, account), f"{HOG} does not run on {host.name}")
    limit()
    return {"service": HOG, "at": host.run(["sh", "-c", _GO, "go", account]).stdout.strip()}


def _nice_logins(host: LabHost, niceness: int) -> None:
    """How nice logins are from now on, and those that are there."""
    numbers = host.run(["pgrep", "sshd"], check=False).stdout.split()
    host.run(["renice", "-n", str(niceness), "-p", *numbers], check=False)


def _stands_still(host: LabHost, account: str) -> bool:
    states = host.run(["ps", "-o", "stat=", "-u", account], check=False).stdout.split()
    return bool(states) and all(state.startswith("T") for state in states)


def batch(host: LabHost) -> list[int]:
    """Numbers of the batch accounts' processes on the host."""
    return [int(word) for word in host.run(["pgrep", "-u", f"{ACCOUNT},{FIGURES}"], check=False).stdout.split()]


def _index(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    host = lab.host(words.get("host", _DATABASES))
    missing = replication.sql(host, f"SELECT {ROWS} - count(*) FROM account WHERE name LIKE 'customer %'")  # noqa: S608 - constants
    if int(missing) > 0:
        # Customers' accounts, as years of business leave them. They are there before the index goes, and orders that
        # had to wait for so much to be written are over, so that the fault is only what comes then.
        more = f"SELECT 'customer ' || n, 0 FROM generate_series(1, {ROWS}) AS n ON CONFLICT DO NOTHING"  # noqa: S608 - constants
        replication.sql(host, f"INSERT INTO account {more}; VACUUM ANALYZE account", seconds=120)
        replication.sql(host, "CHECKPOINT", seconds=120)
        _until(lambda: replication.sql(host, _IN_STEP) == "t", "the standbys do not keep up")
        time.sleep(_CALM)
    replication.sql(host, f"ALTER TABLE account DROP CONSTRAINT IF EXISTS {INDEX} CASCADE")
    return {"at": effects.now()}


def _heal_index(lab: SitesLab, notes: Notes) -> None:
    host = lab.host(str(notes["host"]))
    if host.state != "on":
        return
    # The customers' accounts stay: with the index they are in nobody's way.
    made = replication.sql(host, f"SELECT count(*) FROM pg_constraint WHERE conname = '{INDEX}'")  # noqa: S608 - constants
    again = "ALTER TABLE ledger DROP CONSTRAINT IF EXISTS ledger_account_fkey;\n"
    if made != "1":
        # One that was left half made by a CREATE INDEX CONCURRENTLY counts for nothing.
        again += f"DROP INDEX IF EXISTS {INDEX};\nCREATE UNIQUE INDEX {INDEX} ON account (name);\n{_ATTACH[0]};\n"
    replication.sql(host, again + "".join(f"{text};\n" for text in _ATTACH[1:]), seconds=120)


def _heal(lab: SitesLab, notes: Notes) -> None:
    host = lab.host(str(notes["host"]))
    if host.state == "on":
        # A server goes on with a query whose client is gone.
        ended = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{REPORT}'"  # noqa: S608 - constants
        host.run([replication.PROGRAM, "sql"], input=ended, check=False)
        # What a runbook has stopped for a while hears no other signal.
        host.run(["pkill", "-KILL", "-u", f"{ACCOUNT},{FIGURES}"], check=False)
        if name := str(notes.get("service", "")):
            host.service("stop", name)
            host.run(["rm", "-f", f"/etc/holdfast-lab/services.d/{name}.json"])
        host.run(["rm", "-rf", SCRATCH])
        _nice_logins(host, 0)
    host.limit_cpu(None)
    host.limit_writes(None)


def _until(holds: Callable[[], Any], trouble: str, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise LabError(trouble, mend="holdfast lab status --hosts")
        time.sleep(0.05)
    return found


def variables() -> dict[str, dict[str, Any]]:
    """Inventory variables: what may be done to whom, and which indexes must be there."""
    return {
        "all": {
            "superuser_sql": [replication.PROGRAM, "sql"],
            "report_sessions": [REPORT],
            "batch_accounts": {
                ACCOUNT: {"measures": ["renice", "pause", "end"], "end": [SERVICE_PROGRAM, "stop", HOG]},
                # Its owner gave it its place before others: it may be paused, and not be moved behind them.
                FIGURES: {"measures": ["pause", "end"], "end": [SERVICE_PROGRAM, "stop", HOG]},
            },
            "expected_indexes": [
                {
                    "name": INDEX,
                    "create": f"CREATE UNIQUE INDEX CONCURRENTLY {INDEX} ON account (name)",
                    "attach": list(_ATTACH),
                }
            ],
        }
    }


FAULTS = {
    "runaway-query": Fault(
        "a report on the primary holds a lock that every order waits for (host=NAME)", _DATABASES, _query, _heal
    ),
    "idle-transaction": Fault(
        "a session on the primary holds the lock that every order waits for, and does nothing (host=NAME)",
        _DATABASES,
        _idle,
        _heal,
    ),
    "cpu-hog": Fault(
        "a batch account takes the processor time of the primary's host (host=NAME)", _DATABASES, _cpu, _heal
    ),
    "io-hog": Fault(
        "a batch account keeps the disk below the database busy with small writes (host=NAME)",
        _DATABASES,
        _io,
        _heal,
    ),
    "index-dropped": Fault(
        "the index by which every order finds its account is dropped, in a large table (host=NAME)",
        _DATABASES,
        _index,
        _heal_index,
    ),
}
"""Faults of this class, by name."""
