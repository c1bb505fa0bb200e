"""Images in files: folders of classes, any size, upright, and every file that is none named before training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgestill.pipeline.artifact import digest
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.digits import Digits
from edgestill.pipeline.data.images import read_image
from edgestill.pipeline.data.samples import read_samples
from edgestill.pipeline.errors import BadData, BadRecipe
from edgestill.pipeline.keeping.lineage import lineage_of
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.progress import listening
from edgestill.pipeline.stages.prepare_data import PrepareData

Photos = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    """Writes colour images of noise, `count` a class, into folders below one of its own."""

    def write(*folders: str, count: int = 10, size: tuple[int, int] = (12, 9), ending: str = "png") -> Path:
        random = np.random.default_rng(len(list(tmp_path.rglob("*"))))
        for folder in folders:
            (tmp_path / "photos" / folder).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photos" / folder / f"{number}.{ending}")
        return tmp_path / "photos"

    return write


class Heard:
    """Listens to what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def advance(self, done: int, total: int, note: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_every_folder_is_a_class_in_the_order_in_which_one_counts(photos: Photos) -> None:
    data = read_data("images", 0, {"folder": str(photos("class 10", "class 2", "class 1"))})
    assert data.about.task.labels == ("class 1", "class 2", "class 10")
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [21, 3, 6]
    assert data.train.x.shape[1:] == (32, 32, 3) and data.train.x.dtype == np.uint8
    assert data.train.files and all(
        data.about.task.labels[label] == name.split("/")[0]
        for label, name in zip(data.train.y, data.train.files, strict=True)
    )


def test_splits_that_have_folders_are_kept_and_the_others_drawn(photos: Photos) -> None:
    folder = photos("train/cat", "train/dog", "test/cat", "test/dog")
    data = read_data("images", 0, {"folder": str(folder), "validation": 0.2})
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [16, 4, 20]
    assert data.test.files and all(name.startswith("test/") for name in data.test.files)


def test_images_are_brought_to_size_in_colour_or_grey(photos: Photos) -> None:
    folder = photos("a", "b", ending="jpg")
    assert read_data("images", 0, {"folder": str(folder), "size": [6, 8]}).train.x.shape[1:] == (6, 8, 3)
    assert read_data("images", 0, {"folder": str(folder), "size": 5, "grey": True}).train.x.shape[1:] == (5, 5, 1)


def test_the_middle_is_cut_out_or_the_whole_is_stretched(tmp_path: Path) -> None:
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = 255
    Image.fromarray(pixels).save(tmp_path / "bar.png")
    assert read_image(tmp_path / "bar.png", (4, 4), grey=True).min() == 255
    assert 0 < read_image(tmp_path / "bar.png", (4, 4), grey=True, fit="stretch").mean() < 128


def test_a_picture_taken_with_the_camera_turned_stands_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255  # white above
    image = Image.fromarray(pixels)
    turned = image.getexif()
    turned[0x0112] = 3  # Orientation: upside down
    image.save(tmp_path / "photo.jpg", exif=turned)
    upright = read_image(tmp_path / "photo.jpg", (8, 8), grey=True)
    assert upright[0].max() < 50 and upright[-1].min() > 200


def test_all_unreadable_images_are_named_at_once(photos: Photos) -> None:
    folder = photos("a", "b")
    whole = (folder / "a" / "0.png").read_bytes()
    (folder / "a" / "3.png").write_bytes(whole[:60])
    (folder / "b" / "4.png").write_text("no image")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(folder / "b" / "deep.png")
    with pytest.raises(BadData) as error:
        read_data("images", 0, {"folder": str(folder)})
    said = str(error.value)
    assert "3 of 21 files cannot be read" in said
    assert "3.png" in said and "4.png" in said and "more than 8 bits" in said


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path, photos: Photos) -> None:
    folder = photos("a", "b", count=4)
    Image.new("1", (16_000, 16_000)).save(folder / "a" / "bomb.png")
    with pytest.raises(BadData, match=r"bomb.png: not an image that can be read: Image size \(256000000 pixels\)"):
        read_data("images", 0, {"folder": str(folder)})


def test_files_that_are_no_images_are_left_out_and_told(photos: Photos) -> None:
    folder = photos("a", "b")
    (folder / "a" / "notes.txt").write_text("first try")
    (folder / "a" / ".DS_Store").write_bytes(b"")
    heard = Heard()
    with listening(heard):
        data = read_data("images", 0, {"folder": str(folder)})
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    assert [line for line in heard.lines if "left out" in line and "a/notes.txt" in line and ".DS_Store" not in line]


def test_a_folder_that_is_laid_out_otherwise_is_answered_with_what_is_expected(photos: Photos, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="there are no folders in it; one folder a class is expected"):
        read_data("images", 0, {"folder": str(tmp_path / "empty")})
    with pytest.raises(BadData, match="nowhere: no such file or folder"):
        read_data("images", 0, {"folder": str(tmp_path / "nowhere")})
    folder = photos("train/a", "train/b", "test/a", "test/c")
    with pytest.raises(BadData, match="c is no class of train; there are a, b"):
        read_data("images", 0, {"folder": str(folder)})
    (folder / "test" / "c").rename(folder / "c")
    with pytest.raises(BadData, match="beside test, train there are c; put every class into a split's folder"):
        read_data("images", 0, {"folder": str(folder)})
    (folder / "c").rename(folder / "train" / "c")
    (folder / "train" / "d").mkdir()
    with pytest.raises(BadData, match="d: there is no file in it that ends in .png"):
        read_data("images", 0, {"folder": str(folder)})


@pytest.mark.parametrize(
    "options", [{"size": [1, 2, 3]}, {"size": 0}, {"validation": 0.0}, {"test": 0.95}, {"fit": "tile"}, {"folder": 1}]
)
def test_options_that_make_no_sense_are_refused_when_the_recipe_is_read(options: dict[str, object]) -> None:
    with pytest.raises(BadRecipe, match="data 'images'"):
        PrepareData("images", options={"folder": "photos", **options})


def test_the_licence_and_the_digest_of_what_was_read_travel_with_the_data(photos: Photos) -> None:
    folder = photos("a", "b")
    source = read_data("images", 0, {"folder": str(folder), "licence": "CC0"}).about.source
    assert (source.file, source.licence, source.package) == ("photos", "CC0", "") and len(source.sha256) == 64
    (folder / "a" / "0.png").write_bytes((folder / "b" / "0.png").read_bytes())
    assert read_data("images", 0, {"folder": str(folder)}).about.source.sha256 != source.sha256


def test_images_that_another_pillow_decodes_are_other_data_and_no_others_are(photos: Photos) -> None:
    folder = str(photos("a", "b"))
    images, pooled = PrepareData("images", options={"folder": folder}), PrepareData("digits", unlabelled=folder)
    assert all("pillow" in lineage_of(stage, {})["libraries"] for stage in (images, pooled))
    assert list(lineage_of(PrepareData("digits"), {})["libraries"]) == ["numpy"]


def test_a_folder_elsewhere_gives_the_same_bytes(photos: Photos, tmp_path: Path) -> None:
    first = read_data("images", 3, {"folder": str(photos("a", "b"))})
    (tmp_path / "moved").mkdir()
    (tmp_path / "photos").rename(tmp_path / "moved" / "photos")
    again = read_data("images", 3, {"folder": str(tmp_path / "moved" / "photos")})
    assert again.about == first.about and np.array_equal(again.test.x, first.test.x)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]), st.data())
def test_a_damaged_image_is_read_or_refused_and_nothing_else(tmp_path: Path, form: str, data: st.DataObject) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(path, form)
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        assert read_image(path, (8, 8), grey=False).shape == (8, 8, 3)
    except BadData as error:
        assert "image.png" in str(error)


def test_a_folder_dataset_is_samples_for_a_model_split_as_its_reader_does(photos: Photos) -> None:
    folder = photos("a", "b")
    known = Preprocess((32, 32, 3), "uint8", 255.0, (0.5,), (0.25,))
    samples = read_samples(str(folder), (1, 32, 32, 3), split="test", preprocess=known)
    data = read_data("images", 0, {"folder": str(folder)})
    assert samples.task == data.about.task and samples.drawn is not None
    assert np.array_equal(samples.x, known.apply(data.test.x)) and samples.y is not None


def test_a_folder_without_classes_is_samples_without_labels(photos: Photos) -> None:
    heard = Heard()
    with listening(heard):
        samples = read_samples(str(photos("a", count=3) / "a"), (1, 4, 5, 1))
    assert samples.x.shape == (3, 4, 5, 1) and samples.y is None and 0 <= samples.x.min() < samples.x.max() <= 1
    assert any("does not say how it takes pixels" in line for line in heard.lines)


def test_a_model_that_takes_no_images_is_given_none(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"images have one channel or three.*the model takes \(1, 100, 6\)"):
        read_samples(str(photos("a")), (1, 1, 100, 6))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    with pytest.raises(BadData, match="the model does not say how .* become its input; give an .npz"):
        read_samples(str(tmp_path / "texts"), (1, 8, 8, 1))
    (tmp_path / "texts" / "a.txt").rename(tmp_path / "texts" / "a.pdf")
    with pytest.raises(BadData, match="there is no file in it that can be read as a sample: .png, .jpg"):
        read_samples(str(tmp_path / "texts"), (1, 8, 8, 1))


def test_scikit_learn_s_digits_come_back_from_files_as_they_were(tmp_path: Path) -> None:
    digits = Digits().read(0).test
    for number, (x, y) in enumerate(zip(digits.x[:60], digits.y[:60], strict=True)):
        (tmp_path / str(y)).mkdir(exist_ok=True)
        Image.fromarray(x[..., 0]).save(tmp_path / str(y) / f"{number}.png")
    options = {"folder": str(tmp_path), "size": 8, "grey": True, "validation": 0.2}
    data = read_data("images", 0, options)
    found = {sample.tobytes() for name in ("train", "validation", "test") for sample in data.split(name).x}
    assert found == {sample.tobytes() for sample in digits.x[:60]}


def test_a_linked_folder_of_a_class_decides_the_digest_as_its_files_do(photos: Photos, tmp_path: Path) -> None:
    elsewhere, linked = photos("a", "b"), tmp_path / "linked"
    linked.mkdir()
    for name in ("a", "b"):
        (linked / name).symlink_to(elsewhere / name)
    assert digest(linked) == digest(elsewhere)
    next((elsewhere / "a").iterdir()).write_bytes(b"another")
    assert digest(linked) == digest(elsewhere)
