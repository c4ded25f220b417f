"""Sessions of one BMC: tokens that stand for a login until they are deleted or nobody used them for a while."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

TIMEOUT = 1800
"""Seconds a session lives without being used."""
MOST = 64
"""Sessions at the same time."""


@dataclass(slots=True)
class Session:
    """One session. ``used`` is monotonic seconds."""

    ident: str
    token: str
    user: str
    used: float


class Sessions:
    """In memory only: a BMC that restarts has forgotten them, as real ones have."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}

    def open(self, user: str) -> Session | None:
        """A new session; None where there are too many."""
        with self._lock:
            self._drop_old()
            if len(self._by_token) >= MOST:
                return None
            session = Session(secrets.token_hex(5), secrets.token_hex(24), user, time.monotonic())
            self._by_token[session.token] = session
            return session

    def of_token(self, token: str) -> Session | None:
        """The session of this token, which is thereby used."""
        with self._lock:
            self._drop_old()
            # Random tokens of 192 bits: looking one up tells nothing by its time.
            session = self._by_token.get(token)
            if session is not None:
                session.used = time.monotonic()
            return session

    def all(self) -> list[Session]:
        """The living ones."""
        with self._lock:
            self._drop_old()
            return list(self._by_token.values())

    def close(self, ident: str) -> bool:
        """End a session; False where there is none."""
        with self._lock:
            for token, session in self._by_token.items():
                if session.ident == ident:
                    del self._by_token[token]
                    return True
        return False

    def close_of(self, user: str) -> None:
        """End all sessions of an account."""
        with self._lock:
            self._by_token = {token: one for token, one in self._by_token.items() if one.user != user}

    def _drop_old(self) -> None:
        oldest = time.monotonic() - TIMEOUT
        self._by_token = {token: one for token, one in self._by_token.items() if one.used >= oldest}
