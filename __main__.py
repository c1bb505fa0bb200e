"""The command line: parses, calls, prints; decides nothing."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NoReturn

from . import __version__
from .pipeline.disk import is_full
from .pipeline.errors import EdgestillError

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


def finite(text: str) -> float:
    """A number that is one."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def days(text: str) -> float:
    """A time that has gone by."""
    value = finite(text)
    if value < 0:
        raise ValueError(text)
    return value


def duration(text: str) -> float:
    """Seconds, of a time such as 90s, 10m or 1.5h."""
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    seconds = finite(text if factor is None else text[:-1]) * (factor or 1.0)
    if seconds < 0:
        raise ValueError(text)
    return seconds


def cores(text: str) -> tuple[int, ...]:
    """Processors such as 2,3."""
    return tuple(int(part) for part in text.split(","))


def in_bytes(text: str) -> int:
    """A size such as 20G."""
    from .pipeline.keeping.eviction import size_of

    try:
        return size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def lengths(text: str) -> tuple[int, ...]:
    """A shape such as 1,3,32,32."""
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise ValueError(text)
    return found


def parser() -> Parser:
    """The whole command line; each command names the function in `commands` that it calls."""
    top = Parser(prog="edgestill", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"edgestill {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, summary: str, description: str = "") -> Parser:
        made: Parser = commands.add_parser(name, help=summary, description=description or f"{summary}.")
        made.add_argument("--json", action="store_true", help="print one JSON document on standard output")
        return made

    run = command("run", "the whole chain of a recipe", RUN)
    run.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    run.add_argument("--out", type=Path, metavar="DIR", help="where the files and the report go (runs/NAME)")
    run.add_argument("--again", action="store_true", help="measure again what was measured before")
    run.add_argument("--seeds", type=int, metavar="N", help="train N students instead of the recipe's number")

    compare = command("compare", "every way of teaching beside the student from scratch", COMPARE)
    compare.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    compare.add_argument("--seeds", type=int, metavar="N", help="train N students of each kind (the recipe's number)")
    compare.add_argument("--methods", metavar="NAME[,NAME]", help="these, each alone (those of the recipe)")
    compare.add_argument(
        "--shuffled-teacher", action="store_true", help="a control row: outputs of the teacher for other samples"
    )
    compare.add_argument("--baseline", type=Path, metavar="report.json", help="what changed since an earlier report")
    compare.add_argument("--out", type=Path, metavar="DIR", help="where files and report go (runs/NAME-compared)")
    compare.add_argument("--again", action="store_true", help="measure again what was measured before")

    tune = command("tune", "settings of a distillation, searched on validation", TUNE)
    tune.add_argument("recipe", metavar="RECIPE", help="a .toml file, or the name of a shipped recipe")
    tune.add_argument("--trials", type=int, required=True, metavar="N", help="how many settings to try, in all")
    tune.add_argument("--seeds", type=int, metavar="N", help="students of each setting (the recipe's number)")
    tune.add_argument("--jobs", type=int, default=1, metavar="N", help="so many trials at a time (1)")
    tune.add_argument("--ray", metavar="ADDRESS", help="as tasks of that Ray cluster; local starts one here")
    tune.add_argument("--out", type=Path, metavar="DIR", help="where best.toml and the report go (runs/NAME-tuned)")

    quantize = command("quantize", "a float model to INT8 TFLite and INT8 ONNX", QUANTIZE)
    quantize.add_argument(
        "model", type=Path, metavar="MODEL", help="a float .onnx or .tflite file; .keras, .h5 or a SavedModel's folder"
    )
    quantize.add_argument("--data", required=True, metavar="DATA", help="a data set's name, or an .npz with x (and y)")
    quantize.add_argument("--shape", type=lengths, metavar="1,C,H,W", help="of an .onnx input with free axes")
    quantize.add_argument("--layout", choices=["channels-first", "channels-last"], help="how x is laid out")
    quantize.add_argument("--out", type=Path, metavar="DIR", help="where the files go (beside the model)")
    quantize.add_argument("--max-drop", type=finite, metavar="POINTS", help="exit 1 when accuracy drops by more")
    quantize.add_argument("--ranges", choices=["mse", "min-max", "percentile"], default="mse", help="default: mse")
    quantize.add_argument(
        "--io", choices=["int8", "float"], default="int8", help="float: a .tflite besides that takes and gives floats"
    )
    quantize.add_argument(
        "--activations", choices=["uint8", "int8"], default="uint8", help="of the .onnx file (uint8: fastest on x86)"
    )
    quantize.add_argument("--ort", action="store_true", help="the .onnx file in ONNX Runtime's mobile format besides")
    quantize.add_argument(
        "--app", action="store_true", help="NAME-app/ besides: files, interface, and code for Android, iOS and browsers"
    )
    quantize.add_argument("--strip", action="store_true", help="no metadata: neither labels nor preprocess")

    compile = command("compile", "a full-integer .tflite to a C package", COMPILE)
    compile.add_argument("model", type=Path, metavar="MODEL", help="a full-integer .tflite file, ours or anybody's")
    compile.add_argument("--core", metavar="CORE", help="the core it is for, such as cortex-m4 (any)")
    compile.add_argument(
        "--prefer",
        choices=["balanced", "speed", "flash"],
        default="balanced",
        help="speed: more flash, fewer instructions; flash: the other way round (balanced)",
    )
    compile.add_argument("--out", type=Path, metavar="DIR", help="where the package goes (beside the model)")

    verify = command("verify", "do these files compute the same?", VERIFY)
    verify.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=".onnx, .tflite; a run folder or checkpoint may stand first",
    )
    verify.add_argument(
        "--data", metavar="DATA", help="a data set's name, or an .npz with x; default: seeded random inputs"
    )
    verify.add_argument("--shape", type=lengths, metavar="1,C,H,W", help="of .onnx inputs with free axes")
    verify.add_argument("--layout", choices=["channels-first", "channels-last"], help="how x is laid out")

    bench = command("bench", "latency, memory and size of files on targets", BENCH)
    bench.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".onnx, .tflite or a C package")
    bench.add_argument("--on", default="host", metavar="TARGET[,TARGET]", help="see `edgestill targets` (host)")
    bench.add_argument("--threads", type=int, default=1, metavar="N", help="threads of the runtime (1)")
    bench.add_argument("--runs", type=int, default=1000, metavar="N", help="counted calls a file, at least (1000)")
    bench.add_argument("--seconds", type=finite, default=5.0, metavar="S", help="stop counting a file after (5)")
    bench.add_argument("--warmup", type=int, default=10, metavar="N", help="calls before every round (10)")
    bench.add_argument(
        "--sustain",
        type=duration,
        default=0.0,
        metavar="10m",
        help="then so long without a pause: p50 per minute",
    )
    bench.add_argument("--cores", type=cores, default=(), metavar="N[,N]", help="run on these processors alone (any)")
    bench.add_argument(
        "--cool-down", type=duration, default=0.0, metavar="30s", help="rest so long before every round (0)"
    )
    bench.add_argument("--cool-to", type=finite, metavar="CELSIUS", help="end that rest once it is cooler than this")
    bench.add_argument("--against", type=Path, metavar="FILE", help="compare with what an earlier --json wrote")
    bench.add_argument("--phones", type=int, default=1, metavar="N", help="web: browsers that join, a row each (1)")
    bench.add_argument("--wait", type=finite, default=120.0, metavar="S", help="web: how long for them (120)")
    bench.add_argument("--lan", action="store_true", help="web: let phones in the same network join")
    bench.add_argument("--https", action="store_true", help="web: with our own certificate, for threads over --lan")
    bench.add_argument("--page-port", type=int, default=0, metavar="N", help="web: where the page is (any free port)")

    targets = command("targets", "the places that can run a file, and yours to add", TARGETS)
    targets.add_argument("action", nargs="?", choices=["list", "add"], default="list", help="default: list")
    targets.add_argument("name", nargs="?", metavar="NAME", help="add: what to call it after --on")
    targets.add_argument("--kind", choices=["adb", "host", "ssh", "web"], help="add: how it is reached")
    targets.add_argument("--host", metavar="HOST", help="add: as ssh takes it, such as pi@raspberrypi.local")
    targets.add_argument("--port", type=int, metavar="N", help="add: of its ssh (ssh's own)")
    targets.add_argument("--lan", action="store_true", default=None, help="web: let phones in the same network join")
    targets.add_argument("--https", action="store_true", default=None, help="web: with a certificate of our own")
    targets.add_argument("--key", metavar="FILE", help="add: the private key (ssh's own)")
    targets.add_argument("--config", metavar="FILE", help="add: an ssh configuration (ssh's own)")
    targets.add_argument("--python", metavar="PROGRAM", help="add: the Python that runs files there (python3)")
    targets.add_argument("--folder", metavar="DIR", help="add: our folder there (~/.cache/edgestill)")
    targets.add_argument("--serial", metavar="SERIAL", help="adb: as `adb devices` shows it, or address:port")
    targets.add_argument("--runner", choices=["bundle", "benchmark_model"], help="adb: what runs files there (bundle)")
    targets.add_argument("--benchmark-model", metavar="FILE", help="adb: yours, built for the phone")
    targets.add_argument("--cores", metavar="4-7", help="adb: run on these processors alone (any)")
    doctor = command("doctor", "what is here, what is missing, and the command that cures it")
    doctor.add_argument("target", nargs="?", metavar="TARGET", help="look at one target only")
    store = command("store", "what is kept of earlier runs", STORE)
    store.add_argument("action", choices=["list", "verify", "prune", "path"])
    store.add_argument("--older", type=days, metavar="DAYS", help="only what was not used for so long (prune: 30)")
    store.add_argument("--stage", action="append", metavar="NAME", help="only what this stage made; may be repeated")
    store.add_argument("--larger", type=in_bytes, metavar="SIZE", help="only what is larger, such as 500K or 20M")
    store.add_argument(
        "--sort", choices=["age", "size", "stage", "made-for", "key"], default="age", help="the order (age)"
    )
    store.add_argument("--to", type=in_bytes, metavar="SIZE", help="prune: until so much is left, unused longest first")
    store.add_argument("--all", action="store_true", help="prune: everything")
    store.add_argument("--dry-run", action="store_true", help="prune: only say what would go")
    return top


RUN = """Trains the teacher, distils, prunes and quantizes the student, writes ONNX and TFLite, measures on the recipe's
targets, prints the table, and leaves files, report.json and report.html. What was made before is found in the store:
stop it at any point, and the same command goes on from there."""
COMPARE = """Trains the student from scratch and with every [[stage]] and method that the recipe teaches it by, on one budget,
over the same seeds; chooses on validation, the simpler one where noise does not tell; prunes and quantizes the student
from scratch and the best one that was taught; reports scores with paired intervals, calibration, agreement with the
teacher, sizes and times. Test chooses nothing."""
TUNE = """Tries other temperatures, alphas and weights of methods (the table [tune] says which) and keeps the best on validation as
best.toml; test is not looked at. Every trial is a set of stages in the store, and a journal remembers them: stop it at
any point, and the same command goes on from there. Needs Optuna: the extra tune."""
QUANTIZE = """Post-training INT8 quantization: writes NAME.int8.tflite and NAME.int8.onnx with the same integers, and
the model itself in the other format (NAME.float.tflite or NAME.float.onnx), runs each of them, and tells what accuracy
was lost on your data. A Keras model or a SavedModel is converted by TensorFlow first, in a process of its own."""
COMPILE = """Writes NAME/, a folder of C11 that needs no interpreter, no heap and no library: model.h with three
functions, model.c with one function a layer, the kernels it uses, a self test, CMakeLists.txt and a manifest. It
computes TFLite Micro's integers to the last bit on every core; --core says for which one it is laid out."""
VERIFY = """Compares the first file with each of the others, or a run folder's own files with each other. Passes when
two INT8 files have equal constants and scales, and every layer, fed the same integers, is within one step with less
than 1 % of values off; two float files when their outputs agree. End-to-end differences are only reported."""
BENCH = """Every file runs in a process of its own, interleaved with the others in rounds. p50 is the headline; nothing
that was not measured stands in a measured column. On an emulated board a full-integer .tflite file runs as C, is held
to TFLite Micro bit for bit, and every instruction is counted. `--on web` prints an address: open it in any phone's
browser, and files run there."""
TARGETS = """Lists every target and what it is; devices of yours are asked over the network. `targets add pi --kind ssh
--host pi@raspberrypi.local` writes yours into targets.toml: that of $EDGESTILL_TARGETS, or of your configuration
folder; one in the current folder counts as well."""
STORE = """list shows what is kept, verify reads every byte again and names damaged files (exit code 1), prune removes
what was not used for 30 days, or what the flags ask for, never what a running edgestill uses; path says where the store
is ($EDGESTILL_STORE moves it; $EDGESTILL_STORE_LIMIT, such as 20G, bounds it)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; no traceback reaches a user."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two spinning OpenMP threads collapse on a loaded machine
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from .benchmarks import commands

        return int(getattr(commands, arguments.command)(arguments))
    except EdgestillError as error:
        print(f"edgestill: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("edgestill: interrupted; what was finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ModuleNotFoundError, PackageNotFoundError) as error:
        from .targets.installation import install_command

        print(f"edgestill: {error.name} is missing; install it with: {install_command()}", file=sys.stderr)
        return 3
    except Exception as error:
        return _no_room(error) if is_full(error) else _unexpected(error)


def _interrupt(*_: object) -> NoReturn:
    """SIGTERM ends as Ctrl-C does: children and temporary folders go along."""
    raise KeyboardInterrupt


def _no_room(error: Exception) -> int:
    """A full disk that no room below knew the folder of."""
    print(
        f"edgestill: no space left on the device: {error}; free some, or point --out, $TMPDIR or $EDGESTILL_STORE to a "
        "folder on another disk",
        file=sys.stderr,
    )
    return EdgestillError.exit_code


def _unexpected(error: Exception) -> int:
    """A fault of ours: one line for the user, the traceback in a file to send us."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="edgestill-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    print(
        f"edgestill: a fault of ours: {type(error).__name__}: {error}; please report it with {file.name}",
        file=sys.stderr,
    )
    return 70


if __name__ == "__main__":
    sys.exit(main())
