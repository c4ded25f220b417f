"""The gauges as text, and as a file for node-exporter's textfile collector.

One route only: metrics that are also pushed elsewhere would appear twice.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from orchestrator.metrics.families import Family, families
from orchestrator.model.record import Record

WORLD_READABLE = 0o644
"""node-exporter runs as a user of its own; nothing secret is in a gauge."""


class _Ready(Collector):
    """Hands over families that have been made already."""

    def __init__(self, made: Sequence[Family]) -> None:
        self._made = made

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for family in self._made:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.label_names)
            for sample in family.samples:
                gauge.add_metric([sample.labels[name] for name in family.label_names], sample.value)
            yield gauge


def exposition(made: Sequence[Family]) -> bytes:
    """The families in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ready(made))
    return generate_latest(registry)


def write_textfile(path: Path, made: Sequence[Family]) -> None:
    """Write the file whole or not at all (beside, synced, renamed). Raises OSError where the disk refuses."""
    text = exposition(made)
    # The collector reads *.prom only, so the half-written file beside it is never read.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), WORLD_READABLE)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def publish(path: Path, records: Iterable[Record], *, version: str = "") -> str:
    """Write the gauges of these runs. Answers a warning where that failed, else an empty text; never raises."""
    try:
        write_textfile(path, families(records, version=version))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with metrics, a recovery goes on
        return f"metrics were not written to {path}: {type(error).__name__}: {error}"
    return ""
