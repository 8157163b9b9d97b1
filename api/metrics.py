"""What Prometheus is told, on a port of its own that no proxy needs to open to the outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

Values = dict[tuple[str, ...], float]
"""Values by the values of their labels."""
Reading = tuple[str, str, Values, tuple[str, ...]]
"""Name, help, value by label values, names of the labels."""


class Metrics:
    """Counts what happens; asks the site for the rest when somebody wants to know."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "linetwin_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_s = Histogram(
            "linetwin_request_seconds",
            "Time to answer a request",
            ("route",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.jobs_ended = Counter(
            "linetwin_jobs_ended", "Jobs ended", ("kind", "status"), registry=self.registry
        )
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def watch(self, read: Callable[[], list[Reading]]) -> None:
        """Ask ``read`` for gauges whenever the metrics are read."""
        self.registry.register(_Gauges(read))

    def start(self, host: str, port: int) -> int:
        """Answer Prometheus; returns the port.

        Raises
        ------
        OSError
            If the port is taken.
        """
        self._server, self._thread = start_http_server(port, host, self.registry)
        return int(self._server.server_port)

    def stop(self) -> None:
        """End it."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5.0)
            self._server = None


class _Gauges(Collector):
    def __init__(self, read: Callable[[], list[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        for name, text, values, labels in self._read():
            family = GaugeMetricFamily(name, text, labels=labels)
            for key, value in values.items():
                family.add_metric(key, value)
            yield family

    def describe(self) -> list[Metric]:
        """Return nothing: the site is only asked while it runs."""
        return []
