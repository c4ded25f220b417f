"""Gauges for Prometheus, from records. Metrics never stop a recovery: writing them can only ever warn."""

from __future__ import annotations

from orchestrator.metrics.families import Family, Sample, families
from orchestrator.metrics.textfile import exposition, publish, write_textfile

__all__ = ["Family", "Sample", "exposition", "families", "publish", "write_textfile"]
