"""Passwords of BMC accounts: kept as salted scrypt digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from orchestrator.lab.sites.bmc.state import AccountRecord

SHORTEST, LONGEST = 12, 64
"""Characters of a password."""


def record_of(password: str, role: str) -> AccountRecord:
    """The account record that lets this password in."""
    salt = secrets.token_hex(16)
    return AccountRecord(role, salt, _digest(password, salt))


def fits(account: AccountRecord, password: str) -> bool:
    """Whether the password is the account's."""
    return hmac.compare_digest(_digest(password, account.salt), account.digest)


def _digest(password: str, salt: str) -> str:
    # A cheap setting on purpose: the lab's own passwords are random, and every Basic request pays for it.
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=1024, r=8, p=1).hex()
