"""Runs the agent, its runtime imported, with no more memory than is said: confined.py MODULE BYTES AGENT."""

import contextlib
import importlib
import re
import resource
import runpy
import sys
from pathlib import Path


def main() -> None:
    """The kernel refuses whatever goes beyond; the limit counts from what the process has mapped by then."""
    module, more, agent = sys.argv[1:]
    with contextlib.suppress(ImportError):  # the agent tells what is missing
        importlib.import_module(module)
    with contextlib.suppress(OSError, AttributeError):  # a kernel that tells nothing of its processes
        mapped = int(re.search(r"^VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)[1]) * 1024  # type: ignore[index]
        resource.setrlimit(resource.RLIMIT_AS, (mapped + int(more), resource.getrlimit(resource.RLIMIT_AS)[1]))
    runpy.run_path(agent, run_name="__main__")


if __name__ == "__main__":
    main()
