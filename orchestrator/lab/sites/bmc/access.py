"""Who a caller is: a session's token, or HTTP Basic; and what the account may do."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from orchestrator.lab.sites.bmc import passwords
from orchestrator.lab.sites.bmc.accounts import ROLES
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import Caller
from orchestrator.lab.sites.bmc.messages import Denial


def caller_of(board: Board, headers: Mapping[str, str]) -> Caller | None:
    """The caller, or None for one who shows nothing. Raises Denial for one whose token or password is wrong."""
    if token := headers.get("x-auth-token"):
        session = board.sessions.of_token(token)
        if session is None:
            raise _unknown()
        return _account(board, session.user, None, session.ident)
    if (given := headers.get("authorization")) is None:
        return None
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "basic":
        raise _unknown()
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise _unknown() from error
    if not colon:
        raise _unknown()
    return _account(board, name, password, "")


def require(caller: Caller | None, privilege: str) -> None:
    """Raises Denial where the caller may not: 401 for nobody, 403 for an account without the privilege."""
    if not privilege:
        return
    if caller is None:
        raise _unknown()
    if privilege not in caller.privileges:
        raise Denial(403, "InsufficientPrivilege")


def _account(board: Board, name: str, password: str | None, session: str) -> Caller:
    account = board.state().accounts.get(name)
    if account is None or not account.enabled or (password is not None and not passwords.fits(account, password)):
        raise _unknown()
    return Caller(name, account.role, frozenset(ROLES[account.role]), session)


def _unknown() -> Denial:
    denial = Denial(401, "NoValidSession", resolution="Log in, or send a user and password.")
    denial.headers["WWW-Authenticate"] = 'Basic realm="BMC"'
    return denial
