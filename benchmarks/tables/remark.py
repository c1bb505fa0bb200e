"""One marked line on the terminal: what passed, failed, is doubtful, or is worth knowing."""

from rich.console import Console
from rich.text import Text

MARKS = {"passed": ("✓ ", "green"), "warning": ("! ", "yellow"), "failed": ("✗ ", "red"), "fact": ("· ", "dim")}
CONTROLS = {code: "�" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def print_remark(console: Console, kind: str, text: str) -> None:
    """The text as it is, brackets too, behind the mark of its kind, on a line of its own, however long.

    A name may come from somebody's file: no character of it steers the terminal, and no second line looks like ours.
    """
    tame = text.translate(CONTROLS).replace("\n", "\n  ")
    console.print(Text.assemble(MARKS[kind], tame), soft_wrap=True)
