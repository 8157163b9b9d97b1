"""What the API says in English, as patterns with the words for it in another language.

The API says what it refuses, and why something went otherwise, in one language: what stands in a
log or a ticket is what the person saw who asks about it. The page words it for its reader.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

from api.ui.words import thai_findings, thai_refusals, thai_rules

THAI = thai_refusals.THAI | thai_findings.THAI | thai_rules.THAI
PHRASES: dict[str, dict[str, str]] = {"th": THAI}
"""Words by what the API says, by language; ``{}`` stands for what differs from case to case."""

SLOT = "{}"
_ANYTHING = r"([\s\S]+?)"
_SLOT = re.compile(r"\{(\d*)\}")
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


@lru_cache
def patterns(language: str) -> tuple[tuple[str, str], ...]:
    """Return regular expressions and words with ``{0}`` and so on for what their groups hold.

    The first that fits counts: those that say most come first.
    """
    known = PHRASES.get(language, {})
    most_first = sorted(known, key=lambda text: -len(text.replace(SLOT, "")))
    return tuple((_pattern(text), _numbered(known[text])) for text in most_first)


def _pattern(text: str) -> str:
    said = (_SPECIAL.sub(r"\\\g<0>", part) for part in text.split(SLOT))
    return "^" + _ANYTHING.join(said) + "$"


def _numbered(words: str) -> str:
    """Return words whose slots are numbered: those without a number go in order."""
    at = count()
    return _SLOT.sub(lambda found: found[0] if found[1] else f"{{{next(at)}}}", words)


def worded(text: str, language: str) -> str:
    """Return what the API said in another language; what is not known stays as it is.

    What stands in a slot is worded in the same way: a reason, a kind, a status.
    """
    for pattern, words in _compiled(language):
        if found := pattern.match(text):
            told = [worded(slot, language) for slot in found.groups()]
            return _SLOT.sub(lambda at, told=told: told[int(at[1])], words)  # type: ignore[misc]
    return text


@lru_cache
def _compiled(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), words) for pattern, words in patterns(language))
