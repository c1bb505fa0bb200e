"""Code that runs a model in an app: templates in three languages, filled with this model's numbers and names."""

import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np

from .contract import COLOURS, Contract

TEMPLATES = resources.files("edgestill.pipeline.app") / "templates"
LITERT_JS = "2.5.3"  # @litertjs/core, whose calls the JavaScript makes
PLACE = re.compile(r"@@\{(\w+)\}")
ANSWERS = {"classify": "the top label", "regress": "every value", "reconstruct": "how far the reconstruction is off"}


@dataclass(frozen=True)
class Language:
    """How a language writes what differs: a real, a raw value and what is fed of it, a channel of a pixel, a text."""

    ending: str
    real: Callable[[str], str]
    plain: str
    fed: str
    grey: str
    colours: str
    indent: int
    text: Callable[[str], str]


def quoted(text: str) -> str:
    """A text as Swift and JavaScript write it; it holds no control characters."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted_in_kotlin(text: str) -> str:
    return quoted(text).replace("$", "\\$")


GREY = "(red * 19595 + green * 38470 + blue * 7471 + 32768) {} 16"  # of ITU-R 601, as Pillow rounds it
LANGUAGES = (
    Language(
        ".kt",
        lambda digits: f"{digits}f",
        "raw[i]",
        "(raw[i] / DIVISOR - MEAN[i % MEAN.size]) / STD[i % STD.size]",
        f"({GREY.format('shr')})",
        "(when (i % 3) { 0 -> red; 1 -> green; else -> blue })",
        12,
        quoted_in_kotlin,
    ),
    Language(
        ".swift",
        str,
        "raw[i]",
        "(raw[i] / Self.divisor - Self.mean[i % Self.mean.count]) / Self.std[i % Self.std.count]",
        GREY.format(">>"),
        "[red, green, blue][i % 3]",
        8,
        quoted,
    ),
    Language(
        ".js",
        str,
        "value",
        "real(real(real(value) / DIVISOR) - MEAN[i % MEAN.length]) / STD[i % STD.length]",
        GREY.format(">>"),
        "[red, green, blue][i % 3]",
        2,
        quoted,
    ),
)
PAGE = Language(".html", str, "", "", "", "", 0, quoted)


def snippets(contract: Contract, file: str) -> dict[str, str]:
    """File name -> program, in every language, and the page that tries the JavaScript; `file` is the one they open."""
    made = {_name(contract, language): _program(contract, file, language) for language in LANGUAGES}
    return {**made, "index.html": filled("index.html", values(contract, file, PAGE))}


def script(contract: Contract) -> str:
    """The name of the JavaScript module."""
    return f"{contract.name}.js"


def filled(template: str, given: Mapping[str, str]) -> str:
    """A template's text with every place filled."""
    return PLACE.sub(lambda place: given[place[1]], (TEMPLATES / template).read_text(encoding="utf-8"))


def values(contract: Contract, file: str, language: Language) -> dict[str, str]:
    """What stands in the places of the templates."""
    preprocess, tokens = contract.preprocess, contract.preprocess.of_tokens
    numbers = {"mean": preprocess.mean, "std": preprocess.std}
    height, width, channels = preprocess.shape if contract.takes_pictures else (0, 0, 1)
    return {
        **{name: _wrapped(map(language.real, map(digits, some)), language) for name, some in numbers.items()},
        "about": f"{contract.name}: {_does(contract)}",
        "channel": language.grey if channels == 1 else language.colours,
        "channels": str(channels),
        "colours": COLOURS[channels],
        "divisor": language.real(digits(preprocess.divisor)),
        "fed": language.plain if tokens else language.fed,
        "file": file,
        "file_text": language.text(file),
        "height": str(height),
        "inputs": str(contract.inputs),
        "labels": _wrapped(map(language.text, contract.task.labels), language),
        "litert": LITERT_JS,
        "name": contract.name,
        "number": _number(language, tokens),
        "outputs": str(contract.outputs),
        "script": script(contract),
        "shape": json.dumps(list(contract.shape)),
        "type": contract.type_name,
        "unit": f", in {contract.task.unit}" if contract.task.unit else "",
        "width": str(width),
    }


def digits(value: float) -> str:
    """A float32 in as few digits as tell it from its neighbours, as every language reads it."""
    return str(np.float32(value))


def _name(contract: Contract, language: Language) -> str:
    return script(contract) if language.ending == ".js" else f"{contract.type_name}{language.ending}"


def _program(contract: Contract, file: str, language: Language) -> str:
    parts = ["Model", contract.task.kind, *(["image"] if contract.takes_pictures else [])]
    given = values(contract, file, language)
    return "".join(filled(f"{part}{language.ending}", given) for part in parts)


def _number(language: Language, tokens: bool) -> str:
    if language.ending == ".swift":
        return "Int32" if tokens else "Float"
    return "Int" if tokens else "Float"


def _does(contract: Contract) -> str:
    return f"{contract.task.said(contract.shape[1:])} in samples of {' x '.join(map(str, contract.shape[1:]))}"


def _wrapped(parts: Iterable[str], language: Language) -> str:
    """A list over as many lines as it needs; no line breaks inside a text."""
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) > 96:
            lines.append(line.rstrip())
            line = ""
        line += f"{part}, "
    return textwrap.indent("\n".join([*lines, line.rstrip()]), " " * language.indent).lstrip()
