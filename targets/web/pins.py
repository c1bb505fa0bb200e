"""The browser runtimes, as npm has them: exact versions, digests, and the few files that a page loads of each."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package of npm's. `sha512` is of its archive, in base64, as npm tells it; `files` are those that are kept."""

    name: str
    version: str
    sha512: str
    files: tuple[str, ...]

    @property
    def archive(self) -> str:
        """The file that `npm pack` makes."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


KINDS = ("compat_internal", "internal", "threaded_internal")  # old browsers, one thread, several threads
LITERT = Package(
    "@litertjs/core",
    "2.5.3",
    "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
    ("dist/index.js", *(f"wasm/litert_wasm_{kind}.{ending}" for kind in KINDS for ending in ("js", "wasm"))),
)
LITERT_WASM = Package(
    "@litertjs/wasm-utils",
    "2.5.3",
    "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
    ("dist/bundle.js",),
)
ONNX_RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
)
PACKAGES = (LITERT, LITERT_WASM, ONNX_RUNTIME)
FOLDER = hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:16]  # other pins, another folder
