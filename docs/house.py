"""Draws `house.svg` beside this file: the rooms on their floors, as import-linter holds them."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

HOUSE = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("house.svg")
WIDTH, FLOOR, GAP = 1200, 56, 8
COLOURS = {
    "benchmarks": "#e0ecff",
    "targets": "#ffe9d1",
    "pipeline": "#e3f4e3",
    "calibration": "#f6e3f0",
    "": "#f0f0f0",
}


@dataclass(frozen=True)
class Room:
    """A module or a folder of modules, and what its own docstring says."""

    name: str
    about: str

    @property
    def wing(self) -> str:
        return self.name.partition("/")[0] if self.name.partition("/")[0] in COLOURS else ""


def floors() -> list[list[Room]]:
    """From the top down: what stands on one floor imports nothing of its own floor, and only from the floors below."""
    contracts = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    house, inside = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    names = [name for layer in house for name in (inside if layer == "edgestill.pipeline" else [layer])]
    rooms = [[_room(part.strip()) for part in name.split("|")] for name in names]
    return _together(rooms)


def _room(name: str) -> Room:
    place = HOUSE / name.removeprefix("edgestill.").replace(".", "/")
    opening = (place / "__init__.py" if place.is_dir() else place.with_suffix(".py")).read_text()
    about = opening.split('"""')[1].splitlines()[0] if '"""' in opening else ""
    return Room(str(place.relative_to(HOUSE)) + ("/" if place.is_dir() else ""), about)


def _together(rooms: list[list[Room]]) -> list[list[Room]]:
    """Single modules that follow each other share a floor of the picture, or it would be a tower."""
    floors: list[list[Room]] = []
    for row in rooms:
        small = all(not room.name.endswith("/") for room in row)
        if small and floors and all(not room.name.endswith("/") and room.wing == row[0].wing for room in floors[-1]):
            floors[-1] += row
        else:
            floors.append(list(row))
    return floors


def drawn() -> str:
    """The picture as SVG."""
    rows = floors()
    height = len(rows) * (FLOOR + GAP) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="15">'
    boxes = [box for number, row in enumerate(rows) for box in _floor(row, GAP + number * (FLOOR + GAP))]
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *boxes, "</svg>\n"])


def _floor(row: list[Room], top: int) -> Iterator[str]:
    """The rooms of one floor side by side."""
    width = (WIDTH - 2 * GAP - (len(row) - 1) * GAP) / len(row)
    for place, room in enumerate(row):
        left = GAP + place * (width + GAP)
        name = room.name if len(row) == 1 else room.name.removeprefix("pipeline/")
        yield f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{FLOOR}" rx="6" fill="{COLOURS[room.wing]}" stroke="#777"/>'
        yield f'<text x="{left + 12:.0f}" y="{top + 24}" font-weight="bold">{escape(name)}</text>'
        if len(row) == 1:
            yield f'<text x="{left + 12:.0f}" y="{top + 44}" fill="#444" font-size="13">{escape(room.about)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(drawn())
