"""The SQL that both databases share, with ``?`` for parameters, and the few parts in which they differ.

Append-only is enforced twice: by triggers here, against mistakes; by the chain and the seal, against intent.
"""

from __future__ import annotations

SCHEMA_VERSION = "1"

TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS run (
        run_id TEXT PRIMARY KEY, created_at TEXT NOT NULL, runbook TEXT NOT NULL, system TEXT NOT NULL,
        mode TEXT NOT NULL, header TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS event (
        run_id TEXT NOT NULL, seq BIGINT NOT NULL, at TEXT NOT NULL, mono DOUBLE PRECISION NOT NULL, epoch
        TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY
        KEY (run_id, seq))""",
    """CREATE TABLE IF NOT EXISTS inbox (
        run_id TEXT NOT NULL, number BIGINT NOT NULL, verb TEXT NOT NULL, step TEXT NOT NULL, given_by TEXT
        NOT NULL, account TEXT NOT NULL, why TEXT NOT NULL, given_at TEXT NOT NULL, PRIMARY KEY (run_id,
        number))""",
    "CREATE TABLE IF NOT EXISTS lock (name TEXT PRIMARY KEY, run_id TEXT NOT NULL, since TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS seal (
        run_id TEXT PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL, key TEXT
        NOT NULL)""",
)

APPEND_ONLY = ("run", "event", "seal")

SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table in APPEND_ONLY
    for verb in ("UPDATE", "DELETE")
)

POSTGRES_TRIGGERS = (
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN RAISE EXCEPTION ''table is append-only'' USING ERRCODE = ''restrict_violation''; END'""",
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
)

READ_VERSION = "SELECT value FROM meta WHERE name = 'schema'"
WRITE_VERSION = f"INSERT INTO meta (name, value) VALUES ('schema', '{SCHEMA_VERSION}')"  # noqa: S608 - constants only

CREATE_RUN = """INSERT INTO run (run_id, created_at, runbook, system, mode, header) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id) DO NOTHING"""
RUN = "SELECT run_id, created_at, runbook, system, mode, header FROM run WHERE run_id = ?"
RUNS = """SELECT r.run_id, r.created_at, r.runbook, r.system, r.mode, e.seq, e.kind, e.at,
        EXISTS (SELECT 1 FROM seal s WHERE s.run_id = r.run_id)
    FROM run r LEFT JOIN event e
        ON e.run_id = r.run_id AND e.seq = (SELECT MAX(l.seq) FROM event l WHERE l.run_id = r.run_id)
    ORDER BY r.created_at DESC, r.run_id DESC LIMIT ?"""

# The record goes in only where the record before it is the one that the writer knows, and the run is not
# sealed: a writer that lost touch must not go on. The primary key stops the second of two that write the same
# number.
APPEND = """INSERT INTO event (run_id, seq, at, mono, epoch, kind, body, prev, hash)
    SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?
    WHERE (? = 1 OR EXISTS (SELECT 1 FROM event WHERE run_id = ? AND seq = ? AND hash = ?))
        AND NOT EXISTS (SELECT 1 FROM seal WHERE run_id = ?)"""
RECORDS = """SELECT run_id, seq, at, mono, epoch, kind, body, prev, hash FROM event
    WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?"""
RECORD = "SELECT run_id, seq, at, mono, epoch, kind, body, prev, hash FROM event WHERE run_id = ? AND seq = ?"
HEAD = "SELECT seq, hash FROM event WHERE run_id = ? ORDER BY seq DESC LIMIT 1"
LAST_CLAIM = """SELECT at, body FROM event WHERE run_id = ? AND kind = 'driver.claimed' AND epoch <> ?
    ORDER BY seq DESC LIMIT 1"""

# Numbers are made from the time (microseconds), so that they go on rising when a run changes over to another store.
GIVE = """INSERT INTO inbox (run_id, number, verb, step, given_by, account, why, given_at)
    SELECT ?,
        (SELECT CASE WHEN COALESCE(MAX(number), 0) < ? THEN ? ELSE MAX(number) + 1 END FROM inbox WHERE run_id = ?),
        ?, ?, ?, ?, ?, ? RETURNING number"""
DECISIONS = """SELECT number, verb, step, given_by, account, why, given_at FROM inbox
    WHERE run_id = ? AND number > ? ORDER BY number"""


def decisions_of(runs: int) -> str:
    """The query for all decisions of so many runs."""
    marks = ", ".join("?" * runs)
    return f"""SELECT run_id, number, verb, step, given_by, account, why, given_at FROM inbox
        WHERE run_id IN ({marks}) ORDER BY run_id, number"""  # noqa: S608 - nothing but question marks is put in


FREE_ENDED_LOCK = """DELETE FROM lock WHERE name = ? AND run_id <> ?
    AND (SELECT e.kind FROM event e WHERE e.run_id = lock.run_id ORDER BY e.seq DESC LIMIT 1) = 'run.ended'"""
TAKE_LOCK = "INSERT INTO lock (name, run_id, since) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING"
LOCK = "SELECT name, run_id, since FROM lock WHERE name = ?"
LOCKS = "SELECT name, run_id, since FROM lock ORDER BY name"
RELEASE_LOCKS = "DELETE FROM lock WHERE run_id = ?"

PUT_SEAL = """INSERT INTO seal (run_id, seq, hash, signature, key)
    SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM event WHERE run_id = ? AND seq > ?)
    ON CONFLICT (run_id) DO NOTHING"""
SEAL = "SELECT run_id, seq, hash, signature, key FROM seal WHERE run_id = ?"
