"""The errors a user can meet, each with the exit code that the command line gives it.

EdgestillError                 anything we raise on purpose; exit code 2
  BadInput                     the user's recipe, data, model or flag is wrong; 2
    BadRecipe                  a table or a key of a recipe; the message starts with file and table
    BadData                    a data set, a folder or an .npz
    BadModel                   a model file that cannot be read, lowered or run
      Unsupported              operators or options we do not carry; all of them at once, with reason codes
    BadArtifact                a file in the store that is not what was written
  GateFailed                   a budget, an accuracy or a parity check says no; 1
  MissingTool                  a package, program or device is not there; the message ends with the cure; 3
  DeviceFailed                 a device cannot be reached, or not do its part; it carries stage, code and remedy; 3
  RuntimeDied                  a child process that ran a model ended by a signal or ran out of time; 2
"""

from collections.abc import Iterable

LONGEST = 2000  # characters of a line in a message


class EdgestillError(Exception):
    """An error whose message says where, what, what there is and what to do; shown without a traceback.

    A message may repeat what a foreign file says, so it is made printable.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class BadInput(EdgestillError):
    """The user's input is wrong."""


class BadRecipe(BadInput):
    """A recipe file, one of its tables or keys is wrong."""


class BadData(BadInput):
    """A data set is missing, unreadable or does not fit."""


class BadModel(BadInput):
    """A model file cannot be read, lowered or run."""


class Unsupported(BadModel):
    """A model holds operators or options that we do not carry; `reasons` names every one of them."""

    def __init__(self, where: str, reasons: list[str], verdict: str = "cannot be lowered") -> None:
        self.reasons = [printable(reason) for reason in reasons]
        super().__init__(f"{where}: {verdict}:\n" + "\n".join(f"  {reason}" for reason in reasons))


class BadArtifact(BadInput):
    """A stored file is not what was written."""


class GateFailed(EdgestillError):
    """A budget, an accuracy or a parity check says no."""

    exit_code = 1


class MissingTool(EdgestillError):
    """A package, program or device is missing; the message ends with the command that cures it."""

    exit_code = 3


class DeviceFailed(EdgestillError):
    """A device cannot be reached, or not do its part: in which stage, why in one word, and what to do about it."""

    exit_code = 3

    def __init__(self, device: str, stage: str, code: str, what: str, remedy: str) -> None:
        self.stage, self.code, self.what, self.remedy = stage, code, printable(what), printable(remedy)
        super().__init__(f"{device}: {what}; {remedy}")


class RuntimeDied(EdgestillError):
    """A child process that ran a model died or ran out of time."""


def printable(text: str) -> str:
    """The text with nothing in it that steers a terminal or floods it: control characters escaped, long lines cut."""
    lines = ("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in text.split("\n"))
    return "\n".join(line if len(line) <= LONGEST else f"{line[:LONGEST]} ..." for line in lines)


def choices(names: Iterable[object], misspelt: object = None, besides: str = "") -> str:
    """The names there are, sorted and joined, and what is possible `besides`, for the end of an error message.

    Where a name was given that is none of them, it ends with the one that was meant, as far as that can be told.
    """
    known = sorted(str(name) for name in names)
    return ", ".join(known) + besides + meant(known, misspelt)


def meant(names: Iterable[object], misspelt: object) -> str:
    """Which of the names is most like one that is none of them, capitals aside: a question to end a message with."""
    from difflib import get_close_matches

    small = {str(name).lower(): str(name) for name in names}
    like = get_close_matches(misspelt.lower(), small, n=1) if isinstance(misspelt, str) else []
    return f"; did you mean {small[like[0]]!r}?" if like else ""
