"""Lines of words that are folded to a width, whoever shows them: a terminal in colours, or a plain file.

What draws them in colours is imported only where that is done: plain lines are read by machines, which wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.hints import Hint
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Line:
    """``text`` in a ``style`` of rich's, after a ``head`` without any. ``whole``: wrapped where it must, never cut."""

    text: str
    style: str = ""
    head: str = ""
    whole: bool = False

    @property
    def plain(self) -> str:
        """Without its style."""
        return self.head + self.text

    def drawn(self) -> Text:
        """With its style."""
        from rich.text import Text

        if self.whole:
            return Text(self.text, style=self.style, no_wrap=False, overflow="fold")
        if not self.head:
            return Text(self.text, style=self.style)
        line = Text(self.head)
        line.append(self.text, style=self.style)
        return line


def wrapped(text: str, width: int, *, indent: int, style: str = "", most: int = 3) -> list[Line]:
    """The text in at most ``most`` lines, indented; what does not fit is cut off visibly."""
    words, lines, line = text.split(), [], ""
    room = max(width - indent, 10)
    for word in words:
        if line and _cells(line) + 1 + _cells(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} ..."]
    return [Line(_cut(" " * indent + one, width), style) for one in lines]


def hint_lines(found: Sequence[Hint], width: int) -> list[Line]:
    """What people are asked, each with the exact commands to type in another terminal."""
    lines: list[Line] = []
    for hint in found:
        lines.extend(
            wrapped(f"{hint.step}: {hint.text}" if hint.step else hint.text, width, indent=1, style="bold yellow")
        )
        # A command is never cut: it is there to be copied. The terminal wraps it where it must.
        lines.extend(Line(f"   {command}", "bold", whole=True) for command in hint.commands)
    return lines


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    if _cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1) + "…"
