"""What a phone has and lacks, looked at from here: nothing is sent there, nothing is changed."""

from collections.abc import Iterator

from ...pipeline.errors import DeviceFailed
from ..setup.doctor import Finding
from ..setup.installation import install_command
from . import client
from .bundle import OTHERWISE
from .phone import Phone
from .words import WIRELESS

SERVES = "measuring on it"
UNSEEN = "experimental: no real phone has run it yet"


def examine_phone(phone: Phone) -> Iterator[Finding]:
    """Whether there is an adb and the phone answers it, and what will run files there."""
    adb = client.adb_program()
    if adb is None:
        yield Finding("adb", None, True, SERVES, install_command("android"))
        return
    yield Finding("adb", f"{client.version(adb)}, {adb}", True, SERVES, "")
    if phone.serial and client.is_network(phone.serial):
        cure = f"{install_command('android')}; {WIRELESS}"
        pairs = client.knows_pairing(adb)
        problem = None if pairs else f"older than {client.PAIRS}: it cannot pair"
        yield Finding("pairing", "adb pair", False, "phones without a cable", cure, problem)
    try:
        facts = phone.probe()
    except DeviceFailed as error:
        yield Finding(phone.name, "cannot be used", True, SERVES, error.remedy, error.what)
        return
    yield Finding(phone.name, facts.name, True, SERVES, "")
    yield _runner(phone, str(facts.facts["arch"]))
    governor = facts.facts["governor"]
    cool = "a phone's governor stays as it is; let it cool, and pin it to its fast cores (--cores 4,5,6,7)"
    problem = f"{governor} changes the clock" if governor not in (None, "performance") else None
    yield Finding("governor", governor or "not told", False, "figures that repeat", cool, problem)


def _runner(phone: Phone, arch: str) -> Finding:
    if phone.tool:
        there = phone.tool.is_file()
        cure = "name the file in targets.toml"
        return Finding("benchmark_model", str(phone.tool) if there else None, True, ".tflite files, no outputs", cure)
    problem = None if arch == "aarch64" else f"the phone's system is {arch}, not aarch64"
    found = f"comes with the first file ({UNSEEN})"
    return Finding("bundle", found, True, ".tflite and .onnx files", OTHERWISE, problem)
