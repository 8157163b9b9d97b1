"""Groups of commands of which one is meant when none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL = "run"
"""The command that is meant when none is named."""


class UsualGroup(TyperGroup):
    """``twin whatif LINE`` is ``twin whatif run LINE``; the other commands go by their names."""

    def parse_args(self, ctx: Any, args: Sequence[str]) -> list[str]:
        """Put the usual command's name in front where there is none."""
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, list(args) if named else [USUAL, *args])
