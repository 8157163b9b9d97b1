"""Long work in processes of its own: queued, followed, cancelled, and done again after a crash."""

from __future__ import annotations

from api.jobs.manager import JobManager, new_job
from api.jobs.process import Limits, WorkerDiedError, WorkerPool

__all__ = ["JobManager", "Limits", "WorkerDiedError", "WorkerPool", "new_job"]
