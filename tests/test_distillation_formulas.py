"""The losses are those of their papers: loops in plain numpy, sample by sample, come to the same."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.method import Lesson, Method
from edgestill.pipeline.distillation.methods.catalog import chosen, method
from edgestill.pipeline.distillation.methods.contrastive import Contrastive
from edgestill.pipeline.distillation.methods.factor_transfer import FactorTransfer
from edgestill.pipeline.distillation.methods.hint import Hint
from edgestill.pipeline.distillation.methods.variational import Variational
from edgestill.pipeline.task import Task

Values = NDArray[np.float64]
SAMPLES, CLASSES, T = 5, 4, 2.5
torch.set_num_threads(1)


def values(seed: int, *shape: int) -> Values:
    return np.random.default_rng(seed).normal(size=shape)


def taught(seed: int, own: tuple[int, ...], theirs: tuple[int, ...], path: str = "embedding") -> Lesson:
    """Outputs and one layer a side; what is in them is `values` of the seeds 4 * seed and so on."""
    outputs = [torch.from_numpy(values(4 * seed + side, SAMPLES, CLASSES)) for side in (0, 1)]
    layers = [torch.from_numpy(values(4 * seed + 2 + side, *shape)) for side, shape in enumerate((own, theirs))]
    student, teacher = (Answers(said, {path: layer}) for said, layer in zip(outputs, layers, strict=True))
    y = torch.tensor([0, 3, -1, 2, 2])
    task = Task("classify", tuple("abcd"))
    return Lesson(task, torch.zeros(SAMPLES, 1), y, torch.arange(SAMPLES), student, teacher, T, 0.5)


def lesson_of_vectors(seed: int) -> Lesson:
    return taught(seed, (SAMPLES, 3), (SAMPLES, 6))


def numbers(lesson: Lesson) -> tuple[Values, Values, Values, Values]:
    """Outputs of student and teacher, features of student and teacher."""
    sides = (lesson.student, lesson.taught)
    outputs = [np.asarray(side.outputs) for side in sides]
    layers = [np.asarray(next(iter(side.features.values()))) for side in sides]
    return outputs[0], outputs[1], layers[0], layers[1]


def loss(name: str, lesson: Lesson, **options: Any) -> float:
    found: float = made(name, lesson, **options)(lesson).item()
    return found


def made(name: str, lesson: Lesson, **options: Any) -> Method:
    torch.manual_seed(0)
    found = method(chosen({"name": name, **options}))
    sides = {"student": lesson.student.each(torch.Tensor.float), "teacher": lesson.taught.each(torch.Tensor.float)}
    found.prepare(torch.nn.Identity(), dataclasses.replace(lesson, **sides), samples=12)  # type: ignore[arg-type]
    return found.double()


def softmax(logits: Values) -> Values:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


def kl(first: Values, second: Values) -> float:
    return float(sum(p * math.log(p / q) for p, q in zip(first, second, strict=True)))


def huber(a: float, b: float) -> float:
    return 0.5 * (a - b) ** 2 if abs(a - b) < 1 else abs(a - b) - 0.5


def pearson(a: Values, b: Values) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def cosine(a: Values, b: Values) -> float:
    return float(a @ b / math.sqrt(a @ a) / math.sqrt(b @ b))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_hard_labels(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    own, theirs, _, _ = numbers(lesson)
    expected = np.mean([-math.log(softmax(own[i])[int(np.argmax(theirs[i]))]) for i in range(SAMPLES)])
    assert loss("hard-labels", lesson) == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_decoupled(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    own, theirs, _, _ = numbers(lesson)
    total = 0.0
    for i, label in enumerate([0, 3, int(np.argmax(theirs[2])), 2, 2]):
        p, q = softmax(theirs[i] / T), softmax(own[i] / T)
        others = [k for k in range(CLASSES) if k != label]
        target = kl(np.array([p[label], 1 - p[label]]), np.array([q[label], 1 - q[label]]))
        rest = kl(p[others] / (1 - p[label]), q[others] / (1 - q[label]))
        total += 1.5 * target + 3 * rest
    assert loss("dkd", lesson, alpha=1.5, beta=3.0) == pytest.approx(T**2 * total / SAMPLES)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_pearson(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    own, theirs, _, _ = numbers(lesson)
    q, p = (np.stack([softmax(row / T) for row in side]) for side in (own, theirs))
    inter = np.mean([1 - pearson(q[i], p[i]) for i in range(SAMPLES)])
    intra = np.mean([1 - pearson(q[:, k], p[:, k]) for k in range(CLASSES)])
    assert loss("dist", lesson, beta=2.0, gamma=0.5) == pytest.approx(T**2 * (2 * inter + 0.5 * intra))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_relative_distances(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    relative = []
    for points in numbers(lesson)[2:]:
        found = {(i, j): math.dist(points[i], points[j]) for i in range(SAMPLES) for j in range(SAMPLES)}
        mean = sum(found.values()) / (SAMPLES * (SAMPLES - 1))
        relative.append({pair: distance / mean for pair, distance in found.items()})
    expected = np.mean([huber(relative[0][pair], relative[1][pair]) for pair in relative[0]])
    assert loss("rkd-distance", lesson) == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_angles(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    _, _, own, theirs = numbers(lesson)
    total = 0.0
    for i in range(SAMPLES):
        for j in range(SAMPLES):
            for k in range(SAMPLES):
                if i not in (j, k):
                    angles = [cosine(side[j] - side[i], side[k] - side[i]) for side in (own, theirs)]
                    total += huber(*angles)
    assert loss("rkd-angle", lesson) == pytest.approx(total / SAMPLES**3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_similarities(seed: int) -> None:
    lesson = taught(seed, (SAMPLES, 2, 2, 1), (SAMPLES, 3, 2))  # whatever layers give, as one vector a sample
    rows = []
    for points in numbers(lesson)[2:]:
        flat = points.reshape(SAMPLES, -1)
        products = [[float(flat[i] @ flat[j]) for j in range(SAMPLES)] for i in range(SAMPLES)]
        rows.append([[value / math.sqrt(sum(each**2 for each in row)) for value in row] for row in products])
    expected = np.mean(
        [(a - b) ** 2 for one, other in zip(*rows, strict=True) for a, b in zip(one, other, strict=True)]
    )
    assert loss("sp", lesson) == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_neighbours(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    picked = []
    for points in numbers(lesson)[2:]:
        likeness = [[(cosine(points[i], points[j]) + 1) / 2 for j in range(SAMPLES)] for i in range(SAMPLES)]
        picked.append([[value / sum(row) for value in row] for row in likeness])
    expected = np.mean([kl(np.array(p), np.array(q)) for q, p in zip(*picked, strict=True)]) / SAMPLES
    assert loss("pkt", lesson) == pytest.approx(expected, rel=1e-4)  # beside a logarithm stands 1e-7


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_correlations(seed: int) -> None:
    lesson = lesson_of_vectors(seed)
    _, _, own, theirs = numbers(lesson)

    def kernel(a: Values, b: Values, gamma: float) -> float:
        """exp(-gamma |a - b|^2) of directions, its Taylor series in their product."""
        return math.exp(-2 * gamma) * sum((2 * gamma * cosine(a, b)) ** p / math.factorial(p) for p in range(31))

    pairs = [(i, j) for i in range(SAMPLES) for j in range(SAMPLES)]
    expected = np.mean([(kernel(own[i], own[j], 0.3) - kernel(theirs[i], theirs[j], 0.3)) ** 2 for i, j in pairs])
    assert loss("cc", lesson, gamma=0.3, order=30) == pytest.approx(expected)
    one = own[0] / np.linalg.norm(own[0]) - own[1] / np.linalg.norm(own[1])
    assert kernel(own[0], own[1], 0.3) == pytest.approx(math.exp(-0.3 * float(one @ one)))
    assert loss("cc", lesson, gamma=0.3) == pytest.approx(expected, rel=0.3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_attention(seed: int) -> None:
    lesson = taught(seed, (SAMPLES, 2, 3, 2), (SAMPLES, 4, 3, 2), "features")
    maps = []
    for layer in numbers(lesson)[2:]:
        seen = [[float((layer[n, :, i, j] ** 2).sum()) for i in range(3) for j in range(2)] for n in range(SAMPLES)]
        maps.append([[value / math.hypot(*row) for value in row] for row in seen])
    expected = np.mean(
        [(a - b) ** 2 for one, other in zip(*maps, strict=True) for a, b in zip(one, other, strict=True)]
    )
    assert loss("attention", lesson) == pytest.approx(expected)


def test_a_hint_is_matched_behind_its_connector_and_the_larger_map_by_means() -> None:
    lesson = taught(0, (SAMPLES, 2, 4, 6), (SAMPLES, 3, 2, 3), "features")
    found = made("hint", lesson)
    assert isinstance(found, Hint)
    _, _, own, theirs = numbers(lesson)
    weight, bias = (np.asarray(part.detach()) for part in found.connectors[0].parameters())
    total = 0.0
    for n in range(SAMPLES):
        for i in range(2):
            for j in range(3):
                seen = own[n, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(axis=(1, 2))
                total += float(((weight[:, :, 0, 0] @ seen + bias - theirs[n, :, i, j]) ** 2).sum())
    assert found(lesson).item() == pytest.approx(total / theirs.size)


def test_variational_information_is_a_normal_likelihood_a_channel() -> None:
    lesson = taught(1, (SAMPLES, 2, 2, 2), (SAMPLES, 3, 2, 2), "features")
    found = made("vid", lesson)
    assert isinstance(found, Variational)
    with torch.no_grad():
        found.spreads[0].copy_(torch.tensor([-1.0, 0.5, 2.0]))
        means = np.asarray(found.means[0](lesson.student.features["features"]))
    theirs, total = numbers(lesson)[3], 0.0
    for channel, spread in enumerate((-1.0, 0.5, 2.0)):
        variance = math.log(1 + math.exp(spread)) + 1e-5
        for value, mean in zip(theirs[:, channel].ravel(), means[:, channel].ravel(), strict=True):
            density = math.exp(-((value - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
            total += -math.log(density) - 0.5 * math.log(2 * math.pi)
    assert found(lesson).item() == pytest.approx(total / theirs.size)


def test_factors_are_compared_as_directions() -> None:
    lesson = taught(2, (SAMPLES, 2, 2, 2), (SAMPLES, 4, 2, 2), "features")
    found = made("factor-transfer", lesson, rate=0.75)
    assert isinstance(found, FactorTransfer)
    with torch.no_grad():
        student = np.asarray(found.translators[0](lesson.student.features["features"])).reshape(SAMPLES, -1)
        teacher = np.asarray(found.paraphrasers[0](lesson.taught.features["features"])).reshape(SAMPLES, -1)
    assert student.shape == (SAMPLES, 3 * 4)
    expected = np.mean(
        [abs(a / np.linalg.norm(a) - b / np.linalg.norm(b)) for a, b in zip(student, teacher, strict=True)]
    )
    assert found(lesson).item() == pytest.approx(expected)


def test_a_contrast_tells_pairs_from_what_is_drawn_of_the_memories() -> None:
    lesson = lesson_of_vectors(3)
    found = made("crd", lesson, negatives=7, dimensions=4, temperature=0.5)
    assert isinstance(found, Contrastive)
    found.labels[:] = torch.arange(12) % 4
    with torch.no_grad():
        points = [
            np.asarray(torch.nn.functional.normalize(side(layer), dim=1))
            for side, layer in zip(found.connectors, found.heard(lesson)[0], strict=True)
        ]
    torch.manual_seed(9)
    drawn = torch.randint(12, (7,)).tolist()
    total = 0.0
    for side in (0, 1):
        memory, usual = np.asarray(found.memories[1 - side]), math.exp(float(found.usual[side]))
        for i, label in enumerate(lesson.y.tolist()):

            def told(likeness: float, usual: float = usual) -> float:
                return math.exp(likeness / 0.5) / (math.exp(likeness / 0.5) + 7 * usual)

            total -= math.log(told(float(points[0][i] @ points[1][i])))
            for row in drawn:
                if row != i and (label < 0 or row % 4 != label):
                    total -= math.log(1 - told(float(points[side][i] @ memory[row])))
    torch.manual_seed(9)
    assert found(lesson).item() == pytest.approx(total / SAMPLES)


def test_pairs_of_layers_are_added_up() -> None:
    lesson = lesson_of_vectors(5)
    twice = {"student": ["embedding", "embedding"], "teacher": ["embedding", "embedding"]}
    for name in ("rkd-distance", "rkd-angle", "sp", "pkt", "cc"):
        assert loss(name, lesson, **twice) == pytest.approx(2 * loss(name, lesson))
