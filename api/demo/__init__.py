"""A running plant and its twin on this machine, to look at or to drive once."""

from api.demo.plant import PlantProcess
from api.demo.site import Demo, demo_line

__all__ = ["Demo", "PlantProcess", "demo_line"]
