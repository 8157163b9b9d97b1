"""What the sensors of a simulated line read: they follow what each station does and how worn it is.

How worn a station is stays hidden in a plant. In a simulated log it is known, because the life of a
failure mode is a pure function of (seed, replication, station/mode, how-manieth life): wear is the
age on the mode's clock over that life. Signals begin to tell of it after the station's
``wear_onset``; the most worn mode counts:

- severity = ((wear - onset) / (1 - onset))^2 past the onset, else 0;
- loaded value = running + (worn - running) severity;
- mean value = idle + (loaded value - idle) (share of the servers that process); a station that is
  failed or off reads idle;
- the reading follows the mean value with a first-order lag and carries normal noise, whose number
  in the stream is the moment in milliseconds.

Severity is read anew at each sampling moment and at each event of the station, and held in between;
so a table with a step of 1 s and a model that is sampled each second agree.
"""

from twin.signals.model import SignalModel
from twin.signals.table import STATUSES, signal_table
from twin.signals.wear import severity_of

__all__ = ["STATUSES", "SignalModel", "severity_of", "signal_table"]
