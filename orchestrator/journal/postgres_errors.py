"""What PostgreSQL can answer, and what it means here: one line for each SQLSTATE class; a test looks for
gaps.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import StoreCorrupt, StoreError, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

_BUG = "report this with the message; meanwhile name another store with $HOLDFAST_STORE"
_REACH = "check that the server runs and can be reached from here: pg_isready"
_RIGHTS = "check the role's rights and the password file ($PGPASSFILE)"
_AGAIN = "try again; if it stays, ask the database's keeper"
_ASIDE = "leave the database as it is, as evidence, and go on with another store"

CLASSES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("00", "01", "02"), ("answered with a warning", _BUG)),
    **dict.fromkeys(
        ("03", "07", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21"),
        ("refuses a statement", _BUG),
    ),
    **dict.fromkeys(("22", "23", "24", "26", "27"), ("refuses a value", _BUG)),
    "08": ("can not be reached", _REACH),
    "25": (
        "can not be written in now (read-only, or a failed transaction)",
        "is it a standby? name the primary",
    ),
    "28": ("does not let this role in", _RIGHTS),
    **dict.fromkeys(("2B", "2D", "2F", "34", "38", "39", "3B"), ("refuses a statement", _BUG)),
    "3D": ("does not exist", "create the database, or name the right one"),
    "3F": ("does not have the journal's schema", _RIGHTS),
    "40": ("took the transaction back", _AGAIN),
    "42": ("does not have the journal's tables, or not for this role", _RIGHTS),
    "44": ("refuses a value", _BUG),
    "53": ("has no room left (disk, memory or connections)", "free some, or name another store"),
    "54": ("can not keep a record this big", "let the step print less"),
    "55": ("is locked by somebody else", "see who holds it: select * from pg_locks"),
    "57": ("is being stopped, or took too long", _REACH),
    "58": ("has a disk fault", "look at the server's log"),
    "72": ("took the transaction back", _AGAIN),
    "F0": ("has a wrong configuration file", "look at the server's log"),
    "HV": ("has a fault in a foreign table", "keep the journal in tables of its own"),
    "P0": ("raised an error of its own", _BUG),
    "XX": ("is corrupt", _ASIDE),
}
"""The first two characters of a SQLSTATE to what it says and the mend."""

CORRUPT = frozenset({"XX001", "XX002", "42P01", "42703"})
"""Data or index corrupted; a table or column of the journal gone."""


def mapped(error: psycopg.Error, address: str) -> StoreError:
    """The error of this program that ``error`` means."""
    import psycopg

    # The client's own errors have no code: the connection is lost, or it was asked wrongly.
    own = "08000" if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else "P0000"
    state = error.sqlstate or own
    kind: type[StoreError] = StoreCorrupt if state in CORRUPT else StoreUnavailable
    what, mend = CLASSES.get(state[:2], ("failed", _BUG))
    first = str(error).strip().split("\n")[0]
    return kind(f"the journal {address} {what} ({first})", mend=_ASIDE if kind is StoreCorrupt else mend)
