"""The demo put together: a line dated to now, its plant, its twin, and a key."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from api.demo.plant import PlantProcess
from api.keys import create_key
from api.server import check_port
from api.settings import Settings
from twin.line import Line, load_line, save_line

if TYPE_CHECKING:
    from fastapi import FastAPI

RUNNING_FOR = timedelta(hours=1)
"""How long the plant has been at work when the demo begins."""
WORKERS = 2
"""Processes for jobs: a forecaster that learns does not hold up a planner's question."""

WINDOW_S, TRAINING_RUNS, TEST_RUNS = 300.0, 24, 4
"""What the forecaster looks back on, s, and the runs it learns from and is scored on: fewer than
a site would take, so that it is ready within a minute."""


def demo_line(name: str) -> Line:
    """Return a line whose day began an hour ago, so that its orders and shifts are today's."""
    begun = (datetime.now(UTC) - RUNNING_FOR).replace(second=0, microsecond=0)
    return load_line(name).changed({"start": begun.isoformat()})


class Demo:
    """A plant process and the service that mirrors it; use it with ``with``.

    Parameters
    ----------
    line : str
        Line file or name of an example line.
    port : int
        Port of the service; 0: any free one.
    speed : float
        Seconds of plant time per second.
    folder : Path, optional
        Where data are kept; none: a temporary folder that is removed at the end.
    forecast : bool
        Whether a forecaster is trained.

    Raises
    ------
    OSError
        On entering, if the port is taken.
    TwinError
        On entering, if the line cannot be used or the plant does not open.
    """

    def __init__(
        self,
        line: str = "bottling",
        *,
        port: int = 8000,
        speed: float = 4.0,
        folder: Path | None = None,
        forecast: bool = True,
    ) -> None:
        self.line = demo_line(line)
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="linetwin-demo-"))
        self.settings = Settings.load(
            data_folder=self.folder,
            host="127.0.0.1",
            port=port,
            job_workers=WORKERS,
            forecast=forecast,
            forecast_window_s=WINDOW_S,
            training_runs=TRAINING_RUNS,
            test_runs=TEST_RUNS,
        )
        self.speed = speed
        self.key = ""
        self.plant = PlantProcess(self.folder / "line.yaml", speed=speed)
        self.app: FastAPI | None = None

    def __enter__(self) -> Self:
        """Check the port, start the plant, make a key and the service."""
        try:
            check_port(self.settings)
            self.folder.mkdir(parents=True, exist_ok=True)
            save_line(self.line, self.folder / "line.yaml")
            self.plant.launch()
            self.key = create_key(self.settings.keys_path, "demo")
            self.app = self._service()
        except BaseException:
            self.close()
            raise
        return self

    def _service(self) -> FastAPI:
        # Loaded while the plant opens: both take seconds.
        from api.app import create_app  # noqa: PLC0415
        from api.mirrors import MirrorFeed  # noqa: PLC0415
        from twin.history import SqliteStore  # noqa: PLC0415
        from twin.sync import Mirror, default_mapping  # noqa: PLC0415
        from twin.sync.opcua import OpcUaConnector  # noqa: PLC0415

        endpoint = self.plant.opened()
        connector = OpcUaConnector(default_mapping(self.line, endpoint))
        store = SqliteStore(self.folder / "journal.sqlite")
        mirror = Mirror(self.line, connector, store=store)
        feed = MirrorFeed(mirror, self.settings.stale_after_s, store.close)
        return create_app(self.settings, feeds=[feed])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the plant and remove what is not to be kept."""
        self.close()

    def close(self) -> None:
        """End the plant and remove what is not to be kept."""
        self.plant.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
