"""Power of stations, and what energy costs and emits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from twin.line.spec import Spec

Kilowatts = Annotated[float, Field(ge=0, le=1e6)]
FIELDS = {
    "processing": "processing_kw",
    "setup": "setup_kw",
    "handling": "handling_kw",
    "failed": "failed_kw",
    "maintenance": "maintenance_kw",
    "off": "off_kw",
}
"""Field that has the power in each status; every other status waits for something: ``idle_kw``."""


class Power(Spec):
    """Electric power that one server of a station draws, by what it does."""

    processing_kw: Kilowatts = 0.0
    """While it processes, kW."""
    setup_kw: Kilowatts = 0.0
    """While it is changed over, kW."""
    handling_kw: Kilowatts = 0.0
    """While a part is put in or taken out, kW."""
    idle_kw: Kilowatts = 0.0
    """While it waits: starved, blocked or without people, kW."""
    failed_kw: Kilowatts = 0.0
    """While it is failed or under repair, kW."""
    maintenance_kw: Kilowatts = 0.0
    """While it is maintained, kW."""
    off_kw: Kilowatts = 0.0
    """Outside its shifts, kW."""

    def kw(self, status: str) -> float:
        """Return the power in a status, kW."""
        found: float = getattr(self, FIELDS.get(status, "idle_kw"))
        return found


class Energy(Spec):
    """What a kilowatt-hour emits and costs."""

    carbon_kg_per_kwh: float = Field(default=0.0, ge=0, le=100)
    """Carbon dioxide and its equivalents, kg/kWh."""
    price_per_kwh: float = Field(default=0.0, ge=0, le=1e6)
    """Price, in the plant's currency per kWh."""
