"""What a plan does not know of a line is said, not passed over."""

from typing import get_args

from api.jobs.tasks.context import LineCache
from api.jobs.tasks.schedule import schedule
from api.schemas import Provenance, ScheduleResult, ScheduleWarning
from scenarios.schedule import LeftOut, Omission, left_out
from twin.events.fold import empty_state
from twin.line import JobOrder, example_line


def test_vehicles_and_wear_are_named() -> None:
    """Pools of a line and its worn stations are named; a plain line leaves nothing out."""
    transport, grinding = example_line("transport"), example_line("grinding")
    orders = [JobOrder(id="a", product=transport.products[0].id, quantity=1)]
    pools = tuple(pool.id for pool in transport.vehicles)
    assert LeftOut(Omission.VEHICLES, pools) in left_out(transport, orders)
    worn = [JobOrder(id="a", product=grinding.products[0].id, quantity=1)]
    (found,) = left_out(grinding, worn)
    assert found.kind is Omission.WEAR
    assert all(grinding.station(name).wear for name in found.elements)
    plain = example_line("electronics")
    assert left_out(plain, plain.orders) == ()
    assert left_out(transport, ()) == ()


class _Alone:
    """Somebody who waits for nothing."""

    def progress(self, *_told: object) -> None:
        """Hear how far it is."""

    def interim(self, *_told: object) -> None:
        """Hear what is known so far."""

    def cancelled(self) -> bool:
        """Never."""
        return False


def test_a_schedule_warns_of_what_it_left_out() -> None:
    """The answer of a schedule names it, in words and by a kind that the API declares."""
    line = example_line("transport").changed({
        "sources.store.arrivals": "orders",
        "orders.a": {"product": "housing", "quantity": 2, "due_date_s": 7200.0},
    })  # fmt: skip
    state = empty_state(line)
    told = Provenance(
        as_of=line.start_utc, received_at=line.start_utc, quality="simulated", age_ms=0.0,
        model_version=line.hash,
    )  # fmt: skip
    payload = {
        "line": line.model_dump(mode="json"), "line_hash": line.hash, "order_ids": ["a"],
        "state": state.model_dump(mode="json"), "time_limit_s": 0.5, "replications": 2, "seed": 1,
        "level": 0.95, "locked": [], "running": None, "freeze_s": 0.0, "stability": 0.0,
        "provenance": told.model_dump(mode="json"),
    }  # fmt: skip
    found = ScheduleResult.model_validate(schedule(payload, _Alone(), LineCache()))
    assert "vehicles" in [item.kind for item in found.warnings]
    assert all(item.elements and item.text for item in found.warnings)
    declared = ScheduleWarning.model_fields["kind"].annotation
    assert set(get_args(declared)) == set(Omission)
