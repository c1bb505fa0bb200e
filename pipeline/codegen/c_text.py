"""C text: arrays of integers, and the names of their types."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 118  # columns of a line of values
TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t", "uint32": "uint32_t"}


def type_name(dtype: str) -> str:
    """The C type of a numpy type; KeyError for one that no package holds."""
    return TYPES[dtype]


def array(name: str, values: NDArray[Any]) -> str:
    """A constant array, word-aligned: kernels read four bytes at a time."""
    body = "\n".join(_lines([_literal(value) for value in values.ravel().tolist()]))
    return f"static const {type_name(values.dtype.name)} {name}[{values.size}] MODEL_ALIGNED = {{\n{body}\n}};\n"


def identifier(text: str) -> str:
    """The text as a part of a C name: letters, digits and underscores, in lower case."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in text).strip("_").lower()
    return kept or "model"


def comment(text: str) -> str:
    """The text as it may stand inside a C comment: printable ASCII that neither ends nor begins one, no trigraphs."""
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", plain)


def quoted(text: str) -> str:
    """A C string literal in ASCII; other bytes of its UTF-8 are octal, and no trigraph arises."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode(errors="replace")
    )
    return f'"{plain}"'


def _literal(value: int) -> str:
    return "INT32_MIN" if value == np.iinfo(np.int32).min else str(value)


def _lines(words: list[str]) -> list[str]:
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return [*lines, line]
