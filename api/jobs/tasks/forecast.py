"""Train a forecaster, and ask one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import CancelledWorkError, Context, LineCache, finite
from api.jobs.tasks.recent import log_of, table_of
from twin.errors import InvalidInputError

if TYPE_CHECKING:
    from scenarios.forecast import Fan, Forecast, Score
    from scenarios.forecast.protocol import FaultRisk
    from twin.line import Line

HORIZON_S = 3600.0
RUN_S = 14_400.0
"""How far ahead faults are foretold, and length of a run, s."""
SAMPLES = 30
"""Samples in a window."""
BINS = 8
FUTURES = 20
"""Stretches of the fan, and futures of the twin behind it."""
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
FIT_SHARE = 0.7
"""Share of the progress bar that making the data is; the rest is the backtest's."""


def train(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Train the forecaster of a line on synthetic runs, score it on a plant with a reality gap.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``folder`` (where it is kept), ``window_s``,
        ``runs``, ``test_runs``.

    Returns
    -------
    dict
        ``model``: a ``ForecastModel``.
    """
    from scenarios.forecast import BacktestOptions, Forecaster, backtest  # noqa: PLC0415
    from scenarios.synthetic import generate_dataset  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])

    def making(done: int, total: int) -> None:
        context.progress(FIT_SHARE * done / total, f"synthetic run {done} of {total}")

    def testing(done: int, total: int) -> None:
        share = FIT_SHARE + (1 - FIT_SHARE) * done / total
        context.progress(share, f"test run {done} of {total}")

    dataset = generate_dataset(
        line,
        payload["window_s"],
        HORIZON_S,
        payload["window_s"] / SAMPLES,
        run_s=RUN_S,
        runs=payload["runs"],
        seed=1,
        progress=making,
        cancelled=context.cancelled,
    )
    fitted = Forecaster().fit(dataset)
    options = BacktestOptions(runs=payload["test_runs"], run_s=RUN_S)
    score = backtest(fitted, line, options=options, progress=testing, cancelled=context.cancelled)
    if context.cancelled():
        raise CancelledWorkError("the training was cancelled")
    fitted.scored(score).save(Path(payload["folder"]))
    about = f"{payload['runs']} synthetic runs of {RUN_S / 3600:g} h with frequent faults"
    return {"model": _model(fitted.id, datetime.now(UTC).isoformat(), about, score)}


def forecast(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Foretell throughput and faults.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state``, ``horizon_s``, ``provenance``, ``history``; ``folder``
        and ``model`` of the trained forecaster (or None), ``recent`` past of the plant (or None).

    Returns
    -------
    dict
        ``ForecastResult``. Throughput comes from many futures of the twin; fault risks from the
        trained forecaster, where there is one and enough was seen.
    """
    from scenarios.forecast import throughput_fan  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    state = LineState.model_validate(payload["state"])

    def step(done: int, total: int) -> None:
        context.progress(0.9 * done / total, f"future {done} of {total}")

    found = throughput_fan(
        line,
        state,
        payload["horizon_s"],
        FUTURES,
        payload["horizon_s"] / BINS,
        levels=LEVELS,
        seed=1,
        progress=step,
        cancelled=context.cancelled,
    )
    if context.cancelled():
        raise CancelledWorkError("the forecast was cancelled")
    assert found.throughput is not None, "a fan was asked for"
    risks, down, message = _risks(payload, line)
    model = payload["model"] or _model(
        found.model_id, payload["provenance"]["received_at"], "the twin itself", found.score
    )
    return {
        "horizon_s": payload["horizon_s"],
        "throughput": _fan(found.throughput, line, found.made_at_s),
        "history": payload["history"],
        "fault_risks": risks,
        "down": down,
        "model": model,
        "message": message,
        "provenance": payload["provenance"],
    }


def _risks(payload: dict[str, Any], line: Line) -> tuple[list[dict[str, Any]], list[str], str]:
    """Return the fault risks, the stations that are down now, and why there are no risks."""
    if payload["folder"] is None:
        return [], [], "no fault risks: the forecaster is not trained"
    if payload["recent"] is None:
        return [], [], "no fault risks: there is no plant whose sensors could be read"
    from scenarios.forecast import Forecaster  # noqa: PLC0415

    forecaster = Forecaster.load(Path(payload["folder"]))
    facts = forecaster.facts
    seen_s = payload["recent"]["end_s"] - payload["recent"]["begin_s"]
    if seen_s < facts["window_s"]:  # the fan stands all the same
        needed = f"they need {facts['window_s']:.0f} s of the plant's sensors"
        return [], [], f"no fault risks yet: {needed}, and {seen_s:.0f} s were seen"
    log = log_of(payload["recent"], line)
    table = table_of(payload["recent"], line, facts["window_s"], facts["step_s"])
    try:
        found: Forecast = forecaster.predict(table, line, log)
    except InvalidInputError as error:
        return [], [], "no fault risks: " + "; ".join(str(item) for item in error.findings)
    return ranked(found.fault_risks)


def ranked(risks: Sequence[FaultRisk]) -> tuple[list[dict[str, Any]], list[str], str]:
    """Return the risks, the highest first, the stations that are down now and have none, and why.

    Those are taken out before: in an order by size, what is no number stands anywhere and parts
    the others.
    """
    down = [risk.station for risk in risks if not math.isfinite(risk.risk)]
    told = (risk for risk in risks if math.isfinite(risk.risk))
    rows = [
        {
            "station": risk.station,
            "probability": min(max(risk.risk, 0.0), 1.0),
            "horizon_s": risk.horizon_s,
            "naive_probability": finite(risk.base_rate),
        }
        for risk in sorted(told, key=lambda item: -item.risk)
    ]
    return rows, down, f"down now: {', '.join(down)}" if down else ""


def _fan(fan: Fan, line: Line, begin_s: float) -> list[dict[str, Any]]:
    edges_s = [0.0, *fan.ahead_s]
    return [
        {
            "begin": line.moment(begin_s + edges_s[place]).isoformat(),
            "end": line.moment(begin_s + edges_s[place + 1]).isoformat(),
            "quantiles": {
                f"{level:g}": row[place] for level, row in zip(fan.levels, fan.in_bin, strict=True)
            },
        }
        for place in range(len(fan.ahead_s))
    ]


def _model(identity: str, trained_at: str, about: str, score: Score) -> dict[str, Any]:
    scores = []
    for metric in score.metrics:
        target, _, name = metric.name.partition("_")
        if name == "skill" or finite(metric.naive) is None or finite(metric.value) is None:
            continue  # a skill is told beside what it is the skill of
        skill = score.of(f"{metric.name}_skill") or score.of(f"{target}_skill")
        known = skill is not None and name in {"brier", "pinball"}
        scores.append(
            {
                "target": target,
                "metric": name,
                "model": metric.value,
                "naive": metric.naive,
                "naive_name": "mean failure rate" if target == "fault" else "persistence",
                "higher_is_better": metric.higher_is_better,
                "low": finite(metric.low),
                "high": finite(metric.high),
                "skill": finite(skill.value) if known and skill is not None else None,
                "n": score.units,
            }
        )
    told = f"{about}; tested on {score.about}" if score.metrics else about
    return {"id": identity, "trained_at": trained_at, "trained_on": told, "scores": scores}
