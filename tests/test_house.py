"""The house's own rules: what lies where, what imports what, and what a wheel would pack."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgestill

ROOT = Path(edgestill.__file__).parent
ROOMS = ("calibration", "pipeline", "targets", "benchmarks")
PRODUCT = [
    ROOT / "__init__.py",
    ROOT / "__main__.py",
    *(path for room in ROOMS for path in (ROOT / room).rglob("*.py")),
]
HEAVY = {"torch", "onnx", "onnxruntime", "ai_edge_litert", "tflite_micro", "plotly", "rich", "numpy"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom)))


def names_itself(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == "edgestill" for alias in node.names)
    return not node.level and (node.module or "").split(".")[0] == "edgestill"


def test_every_module_opens_with_a_sentence() -> None:
    openings = {name(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in PRODUCT}
    assert [
        path for path, text in openings.items() if not text.split("\n\n")[0].rstrip().endswith((".", "there is:"))
    ] == []


def test_the_product_imports_itself_relatively() -> None:
    assert [name(path) for path in PRODUCT if any(names_itself(node) for node in imports(path))] == []


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    assert [name(path) for path in PRODUCT if len(path.read_text().splitlines()) > 300] == []


def test_at_the_root_lie_exactly_two_modules() -> None:
    assert sorted(path.name for path in ROOT.glob("*.py")) == ["__init__.py", "__main__.py"]


def test_pyproject_names_every_package() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {"edgestill"} | {
        "edgestill." + name(path.parent).replace("/", ".")
        for path in PRODUCT
        if path.name == "__init__.py" and path.parent != ROOT
    }
    assert sorted(listed) == sorted(there)


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in PRODUCT}
    data = {ROOT / "targets" / "agents"}  # pushed to devices and run there, never imported
    assert [name(folder) for folder in sorted(folders - data) if not (folder / "__init__.py").is_file()] == []


def test_no_room_is_named_for_nothing() -> None:
    banned = {"utils", "helpers", "manager", "base", "common", "misc"}
    assert [name(path) for path in PRODUCT if path.stem in banned or path.parent.name in banned] == []


def imported_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ended.stdout.split("\n")[-2].split())


def test_importing_edgestill_imports_no_framework() -> None:
    assert not imported_after("import edgestill") & HEAVY


def test_help_imports_no_framework() -> None:
    assert not imported_after("from edgestill.__main__ import parser; parser('').format_help()") & HEAVY


def test_quantizing_needs_no_torch() -> None:
    statement = "import edgestill.pipeline.quantization.quantize_file, edgestill.pipeline.runtimes.parity"
    assert "torch" not in imported_after(statement)


def test_checking_a_recipe_needs_no_torch() -> None:
    statement = (
        "from edgestill.pipeline.recipe import read_recipe; from edgestill.pipeline.chain import chain; "
        "chain(read_recipe('quickstart'))"
    )
    assert "torch" not in imported_after(statement)


def test_the_face_is_what_it_says() -> None:
    for member in edgestill.__all__:
        assert getattr(edgestill, member) is not None
    with pytest.raises(AttributeError, match="there are"):
        _ = edgestill.nothing
