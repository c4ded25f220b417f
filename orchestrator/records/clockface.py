"""Moments as the record shows them: local time, with UTC beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.model.event import from_iso
from orchestrator.plain import dataclass


def zone_of(name: str) -> tzinfo:
    """The time zone called ``name``: an IANA name, or an offset like ``+08:00``; UTC where nobody knows it."""
    try:
        offset = datetime.strptime(name, "%z").utcoffset()
        return timezone(offset) if offset else UTC
    except ValueError:
        pass
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@dataclass(frozen=True)
class Clockface:
    """Shows moments (ISO 8601) in local time and in UTC. A text that is no moment is shown as it is."""

    zone: tzinfo

    def local(self, moment: str) -> str:
        """Date and time to the second, local."""
        return self._show(moment, self.zone, "%Y-%m-%d %H:%M:%S")

    def time(self, moment: str) -> str:
        """Time of day to the millisecond, local."""
        shown = self._show(moment, self.zone, "%H:%M:%S.%f")
        return shown[:-3] if shown != moment else moment

    def utc(self, moment: str) -> str:
        """Date and time to the second, UTC."""
        return self._show(moment, UTC, "%Y-%m-%d %H:%M:%SZ")

    def utc_time(self, moment: str) -> str:
        """Time of day to the second, UTC."""
        return self._show(moment, UTC, "%H:%M:%SZ")

    def name(self, moment: str) -> str:
        """What the local zone is called, with its distance from UTC at that moment: ``Asia/Shanghai (+08:00)``."""
        at = _read(moment)
        if at is None or self.is_utc:
            return "UTC"
        offset = at.astimezone(self.zone).isoformat()[-6:]
        key = getattr(self.zone, "key", "")
        return f"{key} ({offset})" if key else offset

    def tick(self, moment: str, seconds: float, *, fine: bool) -> tuple[str, str]:
        """Local and UTC time of day so many seconds after ``moment``; ``fine`` shows seconds."""
        at = (_read(moment) or datetime.fromtimestamp(0, UTC)) + timedelta(seconds=seconds)
        form = "%H:%M:%S" if fine else "%H:%M"
        return f"{at.astimezone(self.zone):{form}}", f"{at:{form}}Z"

    @property
    def is_utc(self) -> bool:
        """Whether local time is UTC itself."""
        return self.zone is UTC

    @staticmethod
    def _show(moment: str, zone: tzinfo, form: str) -> str:
        at = _read(moment)
        return moment if at is None else f"{at.astimezone(zone):{form}}"


def _read(moment: str) -> datetime | None:
    try:
        return from_iso(moment)
    except ValueError:
        return None
