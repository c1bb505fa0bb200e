"""Gives damaged files, by their numbers, to every command that takes a model; a JSON line tells what came of each."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgestill.__main__ import main as edgestill
from edgestill.pipeline.graph.read import read_graph
from edgestill.tests.damaged_models import MLPERF, damaged

SECONDS = 120  # a command that takes longer is ended, and so is this process
GOOD = MLPERF / "kws_int8.tflite"
COMMANDS: Mapping[str, Callable[[str], list[str]]] = {
    "quantize": lambda file: ["quantize", file, "--data", "x.npz", "--out", "out"],
    "verify": lambda file: ["verify", file, str(GOOD)],
    "bench": lambda file: ["bench", file, "--runs", "3", "--warmup", "1", "--seconds", "0.05"],
    "compile": lambda file: ["compile", file, "--out", "c"],
}


def given(command: list[str], folder: Path) -> dict[str, Any]:
    """Exit code, words, seconds and the most memory of a command, itself or any process that it began."""
    began, child = time.monotonic(), os.fork()
    if not child:
        os.chdir(folder)
        for number, name in ((1, "said"), (2, "words")):
            os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        code = 70
        try:
            code = edgestill(command)
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    words = (folder / "words").read_text(errors="replace") + (folder / "said").read_text(errors="replace")
    seconds = time.monotonic() - began
    return {
        "code": os.waitstatus_to_exitcode(status),
        "words": words[:20_000],
        "seconds": seconds,
        "peak": used.ru_maxrss * 1024,
    }


def main(numbers: list[int]) -> None:
    read_graph(GOOD)  # what every command imports is imported once
    for number in numbers:
        made = damaged(number)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / f"net{made.ending}").write_bytes(made.data)
            shape = (49, 10, 1) if made.what.startswith("kws") else (32, 32, 3)
            np.savez(folder / "x.npz", x=np.zeros((40, *shape), np.float32))
            for command, arguments in COMMANDS.items():
                found = given(arguments(f"net{made.ending}"), folder)
                print(json.dumps({"number": number, "what": made.what, "command": command, **found}), flush=True)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
