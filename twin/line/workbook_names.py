"""Names of a workbook, in any script, as the ids of a line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from twin.line.cells import plain_digits
from twin.line.spec import ID_PATTERN

MOST_LETTERS = 60
_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Say whether a text is an id as it stands."""
    return bool(_ID.fullmatch(text)) and len(text) <= MOST_LETTERS


class Names:
    """Ids of one kind of thing, by what people call it.

    A name that is an id stays what it is. Of any other its Latin letters and digits are kept behind
    the kind's own word, or else its number in the sheet: ``ราง1`` is ``buffer_1``.

    Parameters
    ----------
    kind : str
        Word for one of them, such as ``station``.
    given : iterable of (str, str)
        Short name and name for people of each, in the order of the sheet.
    """

    def __init__(self, kind: str, given: Iterable[tuple[str, str]]) -> None:
        pairs = [pair for pair in given if pair[0]]
        self.kind = kind
        self._ids = {name: name for name, _ in pairs if is_id(name)}
        self._taken = set(self._ids)
        for number, (name, _) in enumerate(pairs, start=1):
            if _key(name) not in self._ids and name not in self._ids:
                self._ids[_key(name)] = self._new(name, number)
        self.shown = tuple(dict.fromkeys(name for name, _ in pairs))
        """What they are called, for people."""
        # Others may be meant by their name for people, where only one has it.
        long = [_key(name) for _, name in pairs if name]
        for name, full in pairs:
            if full and long.count(_key(full)) == 1:
                self._ids.setdefault(_key(full), self._ids.get(name) or self._ids[_key(name)])

    def id(self, name: str) -> str | None:
        """Return the id of what is called so; None: nothing is."""
        return self._ids.get(name) or self._ids.get(_key(name))

    def _new(self, name: str, number: int) -> str:
        latin = re.sub(r"[^A-Za-z0-9_-]+", "_", plain_digits(name)).strip("_-")
        base = latin if is_id(latin) else f"{self.kind}_{latin or number}"[:MOST_LETTERS]
        found, again = base, 2
        while found in self._taken:
            found, again = f"{base}_{again}", again + 1
        self._taken.add(found)
        return found


def _key(name: str) -> str:
    """Return what stays equal however a name is typed."""
    return " ".join(unicodedata.normalize("NFKC", plain_digits(name)).casefold().split())
