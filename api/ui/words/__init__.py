"""Every word of the page by language and key. Templates and scripts take their words from here.

A further language is a further mapping with the same keys and the same names in braces.
"""

from __future__ import annotations

from api.ui.words import (
    english,
    english_decide,
    english_matters,
    english_site,
    thai,
    thai_decide,
    thai_matters,
    thai_site,
)

ENGLISH = english.ENGLISH | english_site.ENGLISH | english_decide.ENGLISH | english_matters.ENGLISH
THAI = thai.THAI | thai_site.THAI | thai_decide.THAI | thai_matters.THAI

LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "th": THAI}
"""Words by language."""

NAMES = {"en": "English", "th": "ไทย"}
"""What each language calls itself."""


def language_for(wanted: str | None, accepted: str) -> str:
    """Return the language to answer in: the one asked for, else the browser's first that we have.

    Parameters
    ----------
    wanted
        A choice made earlier, or none.
    accepted
        The request's ``Accept-Language``, such as ``th-TH,th;q=0.9,en;q=0.8``.
    """
    if wanted in LANGUAGES:
        return str(wanted)
    for choice in sorted(accepted.split(","), key=_weight, reverse=True):
        primary = choice.partition(";")[0].strip().partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return "en"


def _weight(choice: str) -> float:
    """Return the ``q`` of one entry of an ``Accept-Language``; what cannot be read comes last."""
    _, found, weight = choice.partition(";q=")
    try:
        return float(weight) if found else 1.0
    except ValueError:
        return 0.0
