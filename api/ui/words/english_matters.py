"""English words: what matters most."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    "matters.title": "What matters most?",
    "matters.lead": "Several settings vary at once, each over its own range. The twin tells "
    "which of them decide, and which may stay as rough as they are.",
    "matters.what": "Setting",
    "matters.element": "Of",
    "matters.from": "From, % of now",
    "matters.to": "To, % of now",
    "matters.from_count": "From (now {now})",
    "matters.to_count": "To",
    "matters.add": "Add a setting",
    "matters.remove": "Remove this setting",
    "matters.label": "A setting and its range",
    "matters.figure": "Figure",
    "matters.horizon": "Time ahead",
    "matters.method": "How",
    "matters.method.quick": "First look",
    "matters.method.exact": "More exact, 4 times the runs",
    "matters.method.shares": "Shares of the variation, about 10 times the runs",
    "matters.ask": "Find out",
    "matters.says.morris": "{what} matters most: over its range it moves {figure} by {size} "
    "{unit} on average, between {low} and {high}.",
    "matters.says.sobol": "{what} matters most: it has part in {size} % of the variation of "
    "{figure}, between {low} and {high} %.",
    "matters.flat": "Nothing matters here: whatever the settings, {figure} stays between {low} "
    "and {high} {unit}. Wider ranges, other settings or more time ahead may tell more.",
    "matters.open": "Nothing stands out yet. Ask more exactly, or look further ahead.",
    "matters.do.matters": "Make sure of these first, and look for improvements here: {list}.",
    "matters.do.hardly": "These may stay as rough as they are: {list}.",
    "matters.do.together": "How much these do depends on the other settings, or on where in the "
    "range they lie. Try them together: {list}.",
    "matters.do.open": "Cannot be told yet: {list}. Ask more exactly.",
    "matters.span": "Over {points} combinations {figure} came to {low} to {high} {unit}, {mean} "
    "on average.",
    "matters.provenance": "From the state at {as_of}, {length} ahead, {n} runs of each "
    "combination; intervals at 95 %.",
    "matters.chart": "Settings by how much they matter, with intervals",
    "matters.range": "Range",
    "matters.effect": "Effect, {unit}",
    "matters.part": "Part in the variation, %",
    "matters.grows": "As it grows, {figure} goes",
    "matters.more": "up",
    "matters.less": "down",
    "matters.either": "either way",
    "matters.matters": "matters",
    "matters.hardly matters": "hardly matters",
    "matters.not told": "cannot tell yet",
    "matters.together": "with others",
    "matters.as": "What matters most as {kind}",
    "chart.morris": "mean effect on {figure}; tick: spread",
    "chart.sobol": "part in the variation of {figure}; tick: alone",
    "chart.tick": "tick",
}
