"""The demo's plant: an emulator in a process of its own, which ends when we do."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from twin.errors import ConnectionLostError

OPEN_TIMEOUT_S = 60.0
"""Longest wait for a plant to open, s; it may have to run hours of its line first."""
END_TIMEOUT_S = 8.0
"""Longest wait for a plant to close before it is ended by force, s."""


class PlantProcess:
    """A plant emulator in its own process.

    It reads its line from a file. Its clock goes on while it is away, so one that is started again
    continues the same day.

    Parameters
    ----------
    line_file : Path
        Line that it runs.
    speed : float
        Seconds of plant time per second.
    port : int
        Port; 0: any free one, which is then kept.
    seed : int
        Seed of what happens by chance.
    clock : datetime, optional
        What its clock shows now, aware; none: the wall clock's time.
    """

    def __init__(
        self,
        line_file: Path,
        *,
        speed: float,
        port: int = 0,
        seed: int = 7,
        clock: datetime | None = None,
    ) -> None:
        self._line_file = line_file
        self._speed = speed
        self._port = port
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._epoch = (clock or datetime.now(UTC), time.monotonic())
        self.endpoint = ""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def clock(self) -> datetime:
        """What the plant's clock shows."""
        moment, began_s = self._epoch
        return moment + timedelta(seconds=self._speed * (time.monotonic() - began_s))

    def start(self) -> str:
        """Start the plant and return its endpoint once it listens; see ``opened``."""
        self.launch()
        return self.opened()

    def launch(self) -> None:
        """Start the process; the plant opens a few seconds later."""
        command = [
            *(sys.executable, "-m", "api.cli", "plant", str(self._line_file)),
            *("--port", str(self._port), "--speed", str(self._speed), "--seed", str(self._seed)),
            *("--start", self.clock.isoformat(), "--json", "--until-eof"),
        ]
        # A session of its own: Ctrl-C reaches us alone, and we end the plant in order. Should we
        # die without a word, its input ends, and so does it.
        # Into a file: nobody reads while it runs, and a full pipe would hold it up.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _release
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def opened(self) -> str:
        """Return the plant's endpoint once it listens.

        Raises
        ------
        ConnectionLostError
            If it does not open; the error carries what it said.
        """
        self.endpoint = str(self._answer()["endpoint"])
        self._port = int(self.endpoint.rstrip("/").rpartition(":")[2])
        return self.endpoint

    def _answer(self) -> dict[str, object]:
        """Return the JSON document that the plant writes once it is open."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        text = b""
        until_s = time.monotonic() + OPEN_TIMEOUT_S
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while (left_s := until_s - time.monotonic()) > 0:
                if not waiting.select(left_s):
                    break
                piece = os.read(process.stdout.fileno(), 65536)
                text += piece
                if not piece:
                    break
                if text.rstrip().endswith(b"}"):
                    try:
                        document: dict[str, object] = json.loads(text)
                    except ValueError:
                        continue
                    if "endpoint" in document:
                        return document
                    # A refusal: it ends by itself, once it has said why.
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(END_TIMEOUT_S)
                    break
        process.kill()
        process.wait(END_TIMEOUT_S)
        said = self._last_words()
        self._release()
        raise ConnectionLostError(f"the plant did not open: {said or 'it said nothing'}")

    def _last_words(self) -> str:
        assert self._said is not None
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()

    def stop(self) -> None:
        """End the plant in order, or by force when it takes too long."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_TIMEOUT_S)
        self._release()

    def kill(self) -> None:
        """End the plant as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(END_TIMEOUT_S)
        self._release()

    def _release(self) -> None:
        process = self._process
        for stream in (process.stdin, process.stdout) if process else ():
            if stream is not None:
                stream.close()
        if self._said is not None:
            self._said.close()
        self._process = self._said = None
