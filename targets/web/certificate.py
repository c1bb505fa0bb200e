"""A certificate of our own making, good for one run: what https needs where no authority vouches for us."""

import hashlib
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ...pipeline.errors import EdgestillError, MissingTool
from ..setup.parts import apt_get

DAYS, SECONDS = 2, 30.0


@dataclass(frozen=True)
class Certificate:
    """Files in PEM, and the sha-256 by which a careful user knows it on the phone."""

    certificate: Path
    key: Path
    fingerprint: str


def make_certificate(names: Sequence[str], folder: Path) -> Certificate:
    """For these names and addresses, made by openssl; MissingTool where there is none."""
    if not shutil.which("openssl"):
        raise MissingTool(f"openssl is missing; install it with: {apt_get('openssl')}")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", str(DAYS), "-subj", "/CN=edgestill", "-addext", f"subjectAltName={_alternatives(names)}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if ended.returncode:
        raise EdgestillError(f"openssl makes no certificate: {ended.stderr.strip().splitlines()[-1]}")
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
    return Certificate(certificate, key, digest)


def _alternatives(names: Sequence[str]) -> str:
    return ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False
