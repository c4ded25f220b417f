"""SessionService: logging in for a token, and out."""

from __future__ import annotations

from typing import Any

from orchestrator.lab.sites.bmc import passwords
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.messages import Denial
from orchestrator.lab.sites.bmc.sessions import TIMEOUT, Session

SESSIONS = f"{ROOT}/SessionService/Sessions"


def read(_board: Board, request: Request) -> Answer:
    """The service."""
    body = resource(request.path, "SessionService.v1_1_8.SessionService", "Sessions")
    body |= {
        "ServiceEnabled": True,
        "SessionTimeout": TIMEOUT,
        "Status": {"State": "Enabled", "Health": "OK"},
        "Sessions": link(SESSIONS),
    }
    return Answer(body=body)


def members(board: Board, _request: Request) -> Answer:
    """All sessions."""
    return collection(SESSIONS, "Session", [session.ident for session in board.sessions.all()])


def create(board: Board, request: Request) -> Answer:
    """Log in: 201 with the token in a header."""
    document = request.document()
    name, password = document.get("UserName"), document.get("Password")
    for key, value in (("UserName", name), ("Password", password)):
        if value is None:
            raise Denial(400, "PropertyMissing", key)
    if not isinstance(name, str) or not isinstance(password, str):
        raise Denial(400, "PropertyValueTypeError", "(not shown)", "UserName or Password")
    account = board.state().accounts.get(name)
    if account is None or not account.enabled or not passwords.fits(account, password):
        raise Denial(401, "ResourceAtUriUnauthorized", SESSIONS, "the login is not known")
    session = board.sessions.open(name)
    if session is None:
        raise Denial(503, "SessionLimitExceeded")
    headers = {"Location": f"{SESSIONS}/{session.ident}", "X-Auth-Token": session.token}
    return Answer(201, _body(session), headers)


def session(board: Board, request: Request, ident: str) -> Answer:
    """One session."""
    return Answer(body=_body(_find(board, request, ident)))


def delete(board: Board, request: Request, ident: str) -> Answer:
    """Log out: one's own session, or with ConfigureManager any."""
    found = _find(board, request, ident)
    caller = request.caller
    assert caller is not None
    if found.user != caller.name and "ConfigureManager" not in caller.privileges:
        raise Denial(403, "InsufficientPrivilege")
    board.sessions.close(ident)
    return Answer(204)


def _find(board: Board, request: Request, ident: str) -> Session:
    for one in board.sessions.all():
        if one.ident == ident:
            return one
    raise Denial(404, "ResourceMissingAtURI", request.path)


def _body(one: Session) -> dict[str, Any]:
    return resource(f"{SESSIONS}/{one.ident}", "Session.v1_7_0.Session", "Session", UserName=one.user, Password=None)
