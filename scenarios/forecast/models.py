"""Models on disk: LightGBM's own text beside a manifest; nothing in them is ever executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.forecast.protocol import Metric, Score
from twin.errors import Finding, InvalidInputError

MANIFEST = "manifest.json"
_NUMBERS = ("value", "naive", "low", "high", "gain_low", "gain_high")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What stands on disk."""

    id: str
    """Content hash of facts and texts."""
    facts: dict[str, Any]
    """What the models know of their data."""
    texts: dict[str, str]
    """Models as text, by name."""
    score: Score
    """How good they have been."""


def write_model(folder: Path, model: StoredModel) -> Path:
    """Write a model and return its manifest.

    Raises
    ------
    InvalidInputError
        If the folder cannot be written.
    """
    manifest = {
        "id": model.id,
        "facts": model.facts,
        "models": sorted(model.texts),
        "score": _score_document(model.score),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in model.texts.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        text = json.dumps(manifest, indent=1, sort_keys=True)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        finding = Finding("", f"cannot be written: {error.strerror or error}", file=str(folder))
        raise InvalidInputError(f"the model {folder}", [finding]) from error
    return folder / MANIFEST


def read_model(folder: Path) -> StoredModel:
    """Read what ``write_model`` wrote.

    Raises
    ------
    InvalidInputError
        If files are missing or are no model.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        texts = {
            name: (folder / f"{name}.txt").read_text(encoding="utf-8")
            for name in (_plain_name(name) for name in manifest["models"])
        }
        facts = dict(manifest["facts"])
        facts["options"] = dict(facts["options"])
        return StoredModel(str(manifest["id"]), facts, texts, _score_of(manifest["score"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        finding = Finding("", f"no model: {error}", "a folder written by Forecaster.save")
        raise InvalidInputError(f"the model {folder}", [finding]) from error


def _plain_name(name: str) -> str:
    """Return a model's name, which becomes a file's name and must not lead elsewhere."""
    if not name.replace("_", "").isalnum():
        raise ValueError(f"model name {name!r}")
    return name


def _score_document(score: Score) -> dict[str, Any]:
    """Return a score as JSON; numbers as text, because NaN has no other place there."""
    return {
        "metrics": [
            {
                name: repr(getattr(metric, name)) if name in _NUMBERS else getattr(metric, name)
                for name in Metric.__slots__
            }
            for metric in score.metrics
        ],
        "level": score.level,
        "units": score.units,
        "about": score.about,
    }


def _score_of(document: dict[str, Any]) -> Score:
    metrics = tuple(
        Metric(**row | {name: float(row[name]) for name in _NUMBERS}) for row in document["metrics"]
    )
    return Score(metrics, document["level"], document["units"], document["about"])
