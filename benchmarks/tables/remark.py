"""One marked line on the terminal: what passed, failed, is doubtful, or is worth knowing."""

from rich.console import Console
from rich.text import Text

MARKS = {"passed": ("✓ ", "green"), "warning": ("! ", "yellow"), "failed": ("✗ ", "red"), "fact": ("· ", "dim")}


def print_remark(console: Console, kind: str, text: str) -> None:
    """The text as it is, brackets too, behind the mark of its kind, on a line of its own, however long."""
    console.print(Text.assemble(MARKS[kind], text), soft_wrap=True)
