"""Vectors of texts by which words go together: held to scikit-learn's, and taught from end to end."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.data.labels import with_labels
from edgestill.pipeline.distillation.repeatable import repeatable
from edgestill.pipeline.errors import BadInput, BadRecipe
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.teachers.latent_semantics import LatentSemantics, latent_semantics
from edgestill.pipeline.teachers.text_head import Embeddings, fitted, text_digest, texts_of

torch.set_num_threads(1)
RECIPE = Path(__file__).parent / "cases" / "teachers" / "text" / "semantics.toml"
TOPICS = (
    ["rose", "soil", "seed", "water", "bloom", "spade", "bee", "leaf", "sun", "root", "pot", "bud"],
    ["pan", "oven", "salt", "knife", "stew", "bread", "plate", "oil", "spoon", "dough", "pot", "bowl"],
)


def written(topic: int, random: np.random.Generator) -> str:
    return f"{' '.join(random.choice(TOPICS[topic], 8))}{random.choice(['', '!', '.'])}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("semantics"), np.random.default_rng(0)
    for topic, label in enumerate(("garden", "kitchen")):
        (folder / "texts" / label).mkdir(parents=True)
        for number in range(120):
            (folder / "texts" / label / f"{number}.txt").write_text(f"{written(topic, random)} x{number}")
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path) -> DataSet:
    with factories_in(folder):
        return read_data("texts", 0, {"folder": "texts", "length": 16, "buckets": 512})


def found(texts: tuple[str, ...], dimensions: int) -> LatentSemantics:
    with repeatable(0, threads=1):
        return latent_semantics(texts, dimensions)


def alike(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """What no rotation and no sign of a direction changes."""
    return np.asarray(vectors @ vectors.T)


def test_vectors_lie_to_each_other_as_the_book_has_them(dataset: DataSet) -> None:
    texts = dataset.train.text or ()
    weighted = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"\w+|[^\w\s]").fit_transform(texts)
    book = TruncatedSVD(2, algorithm="arpack", random_state=0).fit_transform(weighted)
    book /= np.linalg.norm(book, axis=1, keepdims=True)
    assert np.allclose(alike(found(texts, 2).vectors(texts)), alike(book), atol=1e-3)


def test_vectors_have_length_one_or_are_nothing(dataset: DataSet) -> None:
    lengths = np.linalg.norm(found(dataset.train.text or (), 4).vectors(["rose soil", "", "zebra", "pan"]), axis=1)
    assert np.allclose(lengths, [1, 0, 0, 1], atol=1e-5)


def test_there_are_no_more_directions_than_words_or_texts() -> None:
    small = found(("a b", "a b c", "b c"), 50)
    assert small.directions.shape == (3, 3) and small.parameters == 12


def test_texts_that_share_no_word_are_refused() -> None:
    with pytest.raises(BadInput, match="none of the 2 texts of train shares a word"):
        found(("rose", "pan"), 4)


def taught(dataset: DataSet, dimensions: int = 8) -> Embeddings:
    texts, semantics = texts_of(dataset), found(dataset.train.text or (), dimensions)
    rows = {text_digest(text): row for row, text in enumerate(texts)}
    return Embeddings("latent semantics", semantics.parameters, semantics.vectors(texts), rows)


def test_few_labels_are_enough_where_words_go_together(dataset: DataSet) -> None:
    teacher = fitted(taught(dataset), with_labels(dataset, 10, seed=0))
    assert (teacher.outputs(dataset.test).argmax(axis=1) == dataset.test.y).mean() > 0.9
    assert "fitted on 10 labels" in teacher.notes[0]


def test_the_head_never_sees_a_label_of_validation(dataset: DataSet) -> None:
    vectors = taught(dataset)
    validation = dataclasses.replace(dataset.validation, y=1 - np.asarray(dataset.validation.y))
    wrong = dataclasses.replace(dataset, validation=validation)
    assert np.array_equal(fitted(vectors, dataset).weight, fitted(vectors, wrong).weight)


def test_it_teaches_a_student_by_answers_and_vectors(
    folder: Path, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    recipe = Path(shutil.copy(RECIPE, folder))
    ended = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["variants"][0]["name"] == "teacher" and report["variants"][0]["test"][0] > 80
    assert any("latent semantics with a logistic head, fitted on 20 labels" in note for note in report["notes"])


def test_a_recipe_without_a_direction_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.write_text(RECIPE.read_text().replace("latent_semantics = 8", "latent_semantics = 0"))
    with pytest.raises(BadRecipe, match="latent_semantics is 0"):
        read_recipe(path)
