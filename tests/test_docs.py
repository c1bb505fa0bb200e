"""What the pages say is true: their commands run, their links lead somewhere, their reference is the code's."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgestill.targets.emulation import tools
from edgestill.tests.wanted import want

HOUSE = Path(__file__).parents[1]
PAGES = sorted([HOUSE / "README.md", *(HOUSE / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<language>\w+)(?: +(?P<info>[^\n]*))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: ```sh blocks are run, ```<language> file=NAME blocks are written.

    Those marked nightly take minutes, those marked mcu need a compiler and an emulator for microcontrollers.
    """

    language: str
    words: tuple[str, ...]
    body: str

    @property
    def file(self) -> str | None:
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)


def blocks(page: Path) -> Iterator[Block]:
    for found in FENCE.finditer(page.read_text()):
        yield Block(found["language"], tuple((found["info"] or "").split()), found["body"])


def named(page: Path) -> str:
    return str(page.relative_to(HOUSE))


def runnable(word: str) -> list[Path]:
    """The pages with commands that this marker runs: '' for those of every change, 'nightly' for the long ones."""
    return [
        page
        for page in PAGES
        if any(
            block.language == "sh" and ("nightly" in block.words) == bool(word) and _runs(block)
            for block in blocks(page)
        )
    ]


def _runs(block: Block) -> bool:
    return block.language == "sh" and "not-run" not in block.words


def follow(page: Path, nightly: bool, folder: Path, store: Path) -> None:
    """Does what the page says, from the top: writes its files, runs its commands."""
    environment = {
        **os.environ,
        "EDGESTILL_STORE": str(store),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_WAIT_POLICY": "passive",
    }
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.body)
        elif _runs(block) and (nightly or "nightly" not in block.words):
            if "mcu" in block.words:
                _want_mcu()
            script = "set -e\n" + block.body
            ended = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
            assert ended.returncode == 0, f"{named(page)}:\n{block.body}\n{ended.stdout}\n{ended.stderr}"


def _want_mcu() -> None:
    if not (tools.has_program(tools.GCC) and tools.has_program(tools.QEMU)):
        want(False, "mcu", tools.cure(f"{tools.BRINGS_GCC} && {tools.BRINGS_QEMU}"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all pages, so that what they share is made once."""
    return tmp_path_factory.mktemp("docs") / "store"


@pytest.mark.parametrize("page", runnable(""), ids=named)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path, store: Path) -> None:
    follow(page, False, tmp_path, store)


@pytest.mark.nightly
@pytest.mark.parametrize("page", runnable("nightly"), ids=named)
def test_every_long_command_of_a_page_runs(page: Path, tmp_path: Path, store: Path) -> None:
    follow(page, True, tmp_path, store)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        file, _, anchor = found["target"].partition("#")
        if file.startswith("http"):
            continue  # the tests need no network
        there = (page.parent / file) if file else page
        assert there.exists(), f"{named(page)} links to {found['target']}, which is not there"
        if anchor:
            assert anchor in anchors(there), f"{named(page)} links to {found['target']}, but there is no such heading"


def anchors(page: Path) -> set[str]:
    titles = (found["title"] for found in HEADING.finditer(FENCE.sub("", page.read_text())))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_linked_from_another() -> None:
    targets = {
        (page.parent / found["target"].partition("#")[0]).resolve()
        for page in PAGES
        for found in LINK.finditer(page.read_text())
        if not found["target"].startswith(("http", "#"))
    }
    lonely = [named(page) for page in PAGES if page.resolve() not in targets and page.name != "README.md"]
    assert not lonely, f"no page links to {lonely}"


@pytest.mark.parametrize(
    ("script", "function", "made"),
    [
        ("reference", "page", "recipe.md"),
        ("house", "drawn", "house.svg"),
        ("peers", "page", "peers.md"),
        ("yardstick", "page", "yardstick.md"),
        ("gains", "page", "gains.md"),
        ("training_speed", "page", "training-speed.md"),
    ],
)
def test_what_is_made_from_the_code_says_what_the_code_says(script: str, function: str, made: str) -> None:
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])[sys.argv[2]](), end='')"
    command = [sys.executable, "-c", code, str(HOUSE / "docs" / f"{script}.py"), function]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert found == (HOUSE / "docs" / made).read_text(), f"run: python docs/{script}.py"
