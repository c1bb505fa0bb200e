"""What may be written on the command line: every command with its flags, one function each."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from .flags import cores, days, duration, finite, in_bytes, lengths

DESCRIPTION = """\
From a PyTorch teacher to a number on a device: distil, prune, quantize to INT8, export to ONNX and TFLite, measure.

  edgestill run quickstart                      the whole chain on real digits
  edgestill quantize net.onnx --data x.npz      somebody's float model to INT8 TFLite and ONNX
  edgestill compile net.int8.tflite             the same integers as C for a microcontroller
  edgestill verify net.int8.tflite net.int8.onnx
  edgestill bench net.onnx net.int8.tflite --on host
"""


class Parser(argparse.ArgumentParser):
    """One line for a wrong flag, and where to read more."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`\n")


Command = Callable[..., Parser]


def parser(version: str) -> Parser:
    """The whole command line; each command names the function in `commands` that it calls."""
    top = Parser(prog="edgestill", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"edgestill {version}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, summary: str, description: str = "") -> Parser:
        made: Parser = commands.add_parser(name, help=summary, description=description or f"{summary}.")
        made.add_argument("--json", action="store_true", help="print one JSON document on standard output")
        return made

    for add in (_run, _compare, _tune, _quantize, _compile, _verify, _bench, _targets, _doctor, _store):
        add(command)
    return top


RUN = """Trains the teacher, distils, prunes and quantizes the student, writes ONNX and TFLite, measures on the recipe's
targets, prints the table, and leaves files, report.json and report.html. What was made before is found in the store:
stop it at any point, and the same command goes on from there."""


def _run(command: Command) -> None:
    made = command("run", "the whole chain of a recipe", RUN)
    made.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the files and the report go (runs/NAME)")
    made.add_argument("--again", action="store_true", help="measure again what was measured before")
    made.add_argument("--seeds", type=int, metavar="N", help="train N students instead of the recipe's number")


COMPARE = """Trains the student from scratch and with every [[stage]] and method that the recipe teaches it by, on one
budget, over the same seeds; chooses on validation, the simpler one where noise does not tell; prunes and quantizes the
student from scratch and the best one that was taught; reports scores with paired intervals, calibration, agreement with
the teacher, sizes and times. Test chooses nothing."""


def _compare(command: Command) -> None:
    made = command("compare", "every way of teaching beside the student from scratch", COMPARE)
    made.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    made.add_argument("--seeds", type=int, metavar="N", help="train N students of each kind (the recipe's number)")
    made.add_argument("--methods", metavar="NAME[,NAME]", help="these, each alone (those of the recipe)")
    made.add_argument(
        "--shuffled-teacher", action="store_true", help="a control row: outputs of the teacher for other samples"
    )
    made.add_argument("--baseline", type=Path, metavar="report.json", help="what changed since an earlier report")
    made.add_argument("--out", type=Path, metavar="DIR", help="where files and report go (runs/NAME-compared)")
    made.add_argument("--again", action="store_true", help="measure again what was measured before")


TUNE = """Tries other temperatures, alphas and weights of methods (the table [tune] says which) and keeps the best on
validation as best.toml; test is not looked at. Every trial is a set of stages in the store, and a journal remembers
them: stop it at any point, and the same command goes on from there. Needs Optuna: the extra tune."""


def _tune(command: Command) -> None:
    made = command("tune", "settings of a distillation, searched on validation", TUNE)
    made.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    made.add_argument("--trials", type=int, required=True, metavar="N", help="how many settings to try, in all")
    made.add_argument("--seeds", type=int, metavar="N", help="students of each setting (the recipe's number)")
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="so many trials at a time (1)")
    made.add_argument("--ray", metavar="ADDRESS", help="as tasks of that Ray cluster; local starts one here")
    made.add_argument("--out", type=Path, metavar="DIR", help="where best.toml and the report go (runs/NAME-tuned)")


QUANTIZE = """Post-training INT8 quantization: writes NAME.int8.tflite and NAME.int8.onnx with the same integers, and
the model itself in the other format (NAME.float.tflite or NAME.float.onnx), runs each of them, and tells what accuracy
was lost on your data. A Keras model or a SavedModel is converted by TensorFlow first, in a process of its own."""


def _quantize(command: Command) -> None:
    made = command("quantize", "a float model to INT8 TFLite and INT8 ONNX", QUANTIZE)
    made.add_argument(
        "model", type=Path, metavar="MODEL", help="a float .onnx or .tflite file; .keras, .h5 or a SavedModel's folder"
    )
    made.add_argument("--data", required=True, metavar="DATA", help="a data set's name, or an .npz with x (and y)")
    made.add_argument("--shape", type=lengths, metavar="1,C,H,W", help="of an .onnx input with free axes")
    made.add_argument("--layout", choices=["channels-first", "channels-last"], help="how x is laid out")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the files go (beside the model)")
    made.add_argument("--max-drop", type=finite, metavar="POINTS", help="exit 1 when accuracy drops by more")
    made.add_argument("--ranges", choices=["mse", "min-max", "percentile"], default="mse", help="default: mse")
    made.add_argument(
        "--io", choices=["int8", "float"], default="int8", help="float: a .tflite besides that takes and gives floats"
    )
    made.add_argument(
        "--activations", choices=["uint8", "int8"], default="uint8", help="of the .onnx file (uint8: fastest on x86)"
    )
    made.add_argument("--ort", action="store_true", help="the .onnx file in ONNX Runtime's mobile format besides")
    made.add_argument(
        "--app", action="store_true", help="NAME-app/ besides: files, interface, and code for Android, iOS and browsers"
    )
    made.add_argument("--strip", action="store_true", help="no metadata: neither labels nor preprocess")


COMPILE = """Writes NAME/, a folder of C11 that needs no interpreter, no heap and no library: model.h with three
functions, model.c with one function a layer, the kernels it uses, a self test, CMakeLists.txt and a manifest. It
computes TFLite Micro's integers to the last bit on every core; --core says for which one it is laid out."""


def _compile(command: Command) -> None:
    made = command("compile", "a full-integer .tflite to a C package", COMPILE)
    made.add_argument("model", type=Path, metavar="MODEL", help="a full-integer .tflite file, ours or anybody's")
    made.add_argument("--core", metavar="CORE", help="the core it is for, such as cortex-m4 (any)")
    made.add_argument(
        "--prefer",
        choices=["balanced", "speed", "flash"],
        default="balanced",
        help="speed: more flash, fewer instructions; flash: the other way round (balanced)",
    )
    made.add_argument("--out", type=Path, metavar="DIR", help="where the package goes (beside the model)")


VERIFY = """Compares the first file with each of the others, or a run folder's own files with each other. Passes when
two INT8 files have equal constants and scales, and every layer, fed the same integers, is within one step with less
than 1 % of values off; two float files when their outputs agree. End-to-end differences are only reported."""


def _verify(command: Command) -> None:
    made = command("verify", "do these files compute the same?", VERIFY)
    made.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=".onnx, .tflite; a run folder or checkpoint may stand first",
    )
    made.add_argument(
        "--data", metavar="DATA", help="a data set's name, or an .npz with x; default: seeded random inputs"
    )
    made.add_argument("--shape", type=lengths, metavar="1,C,H,W", help="of .onnx inputs with free axes")
    made.add_argument("--layout", choices=["channels-first", "channels-last"], help="how x is laid out")


BENCH = """Every file runs in a process of its own, interleaved with the others in rounds. p50 is the headline; nothing
that was not measured stands in a measured column. On an emulated board a full-integer .tflite file runs as C, is held
to TFLite Micro bit for bit, and every instruction is counted. `--on web` prints an address: open it in any phone's
browser, and files run there."""


def _bench(command: Command) -> None:
    made = command("bench", "latency, memory and size of files on targets", BENCH)
    made.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".onnx, .tflite or a C package")
    made.add_argument("--on", default="host", metavar="TARGET[,TARGET]", help="see `edgestill targets` (host)")
    made.add_argument("--threads", type=int, default=1, metavar="N", help="threads of the runtime (1)")
    made.add_argument(
        "--runs",
        type=int,
        default=1000,
        metavar="N",
        help="calls of each file to time, over all rounds (1000)",
    )
    made.add_argument(
        "--seconds",
        type=finite,
        default=5.0,
        metavar="S",
        help="time fewer calls of a file when they would take longer than this (5)",
    )
    made.add_argument("--warmup", type=int, default=10, metavar="N", help="calls before each round, not timed (10)")
    made.add_argument(
        "--sustain",
        type=duration,
        default=0.0,
        metavar="10m",
        help="then so long without a pause: p50 per minute",
    )
    made.add_argument("--cores", type=cores, default=(), metavar="N[,N]", help="run on these processors alone (any)")
    made.add_argument(
        "--cool-down", type=duration, default=0.0, metavar="30s", help="rest so long before every round (0)"
    )
    made.add_argument("--cool-to", type=finite, metavar="CELSIUS", help="end that rest once it is cooler than this")
    made.add_argument("--against", type=Path, metavar="FILE", help="compare with what an earlier --json wrote")
    made.add_argument("--html", type=Path, metavar="FILE", help="all of it as a page besides, every call in it")
    made.add_argument("--phones", type=int, default=1, metavar="N", help="web: browsers that join, a row each (1)")
    made.add_argument("--wait", type=finite, default=120.0, metavar="S", help="web: how long for them (120)")
    made.add_argument("--lan", action="store_true", help="web: let phones in the same network join")
    made.add_argument("--https", action="store_true", help="web: with our own certificate, for threads over --lan")
    made.add_argument("--page-port", type=int, default=0, metavar="N", help="web: where the page is (any free port)")


TARGETS = """Lists every target and what it is; devices of yours are asked over the network. `targets add pi --kind ssh
--host pi@raspberrypi.local` writes yours into targets.toml: that of $EDGESTILL_TARGETS, or of your configuration
folder; one in the current folder counts as well. `targets clean pi` takes off what we keep on a device."""


def _targets(command: Command) -> None:
    made = command("targets", "the places that can run a file, and yours to add", TARGETS)
    made.add_argument("action", nargs="?", choices=["list", "add", "clean"], default="list", help="default: list")
    made.add_argument("name", nargs="?", metavar="NAME", help="add: what to call it after --on; clean: which")
    made.add_argument("--kind", choices=["adb", "host", "ssh", "web"], help="add: how it is reached")
    made.add_argument("--host", metavar="HOST", help="add: as ssh takes it, such as pi@raspberrypi.local")
    made.add_argument("--port", type=int, metavar="N", help="add: of its ssh (ssh's own)")
    made.add_argument("--lan", action="store_true", default=None, help="web: let phones in the same network join")
    made.add_argument("--https", action="store_true", default=None, help="web: with a certificate of our own")
    made.add_argument("--key", metavar="FILE", help="add: the private key (ssh's own)")
    made.add_argument("--config", metavar="FILE", help="add: an ssh configuration (ssh's own)")
    made.add_argument("--python", metavar="PROGRAM", help="add: the Python that runs files there (python3)")
    made.add_argument("--folder", metavar="DIR", help="add: our folder there (~/.cache/edgestill)")
    made.add_argument("--serial", metavar="SERIAL", help="adb: as `adb devices` shows it, or address:port")
    made.add_argument("--runner", choices=["bundle", "benchmark_model"], help="adb: what runs files there (bundle)")
    made.add_argument("--benchmark-model", metavar="FILE", help="adb: yours, built for the phone")
    made.add_argument("--cores", metavar="4-7", help="adb: run on these processors alone (any)")


def _doctor(command: Command) -> None:
    made = command("doctor", "what is here, what is missing, and the command that cures it")
    made.add_argument("target", nargs="?", metavar="TARGET", help="look at one target only")


STORE = """list shows what is kept, verify reads every byte again and names damaged files (exit code 1), prune removes
what was not used for 30 days, or what the flags ask for, never what a running edgestill uses; path says where the store
is ($EDGESTILL_STORE moves it; $EDGESTILL_STORE_LIMIT, such as 20G, bounds it)."""


def _store(command: Command) -> None:
    made = command("store", "what is kept of earlier runs", STORE)
    made.add_argument("action", choices=["list", "verify", "prune", "path"])
    made.add_argument("--older", type=days, metavar="DAYS", help="only what was not used for so long (prune: 30)")
    made.add_argument("--stage", action="append", metavar="NAME", help="only what this stage made; may be repeated")
    made.add_argument("--larger", type=in_bytes, metavar="SIZE", help="only what is larger, such as 500K or 20M")
    made.add_argument(
        "--sort", choices=["age", "size", "stage", "made-for", "key"], default="age", help="the order (age)"
    )
    made.add_argument("--to", type=in_bytes, metavar="SIZE", help="prune: until so much is left, unused longest first")
    made.add_argument("--all", action="store_true", help="prune: everything")
    made.add_argument("--dry-run", action="store_true", help="prune: only say what would go")
