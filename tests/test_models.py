"""Nets, their one-file checkpoints, and their exports: the same bytes everywhere, nothing of the machine in them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

import edgestill
from edgestill.pipeline.artifact import digest
from edgestill.pipeline.errors import BadModel, BadRecipe
from edgestill.pipeline.models.blocks import after, same_padding
from edgestill.pipeline.models.catalog import NAMES, OF_TOKENS, build, check, sources
from edgestill.pipeline.models.checkpoint import About, Checkpoint, Epoch, load_checkpoint, read_about, save_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.task import Task

torch.set_num_threads(1)  # nets this small gain nothing from more, and other tests want the rest
REPOSITORY = Path(__file__).parents[1]
DIGITS, MNIST, COLOUR = (8, 8, 1), (28, 28, 1), (33, 20, 3)
OF_IMAGES = [name for name in NAMES if name not in (*OF_TOKENS, "cnn-1d")]


def checkpoint(model: str, shape: tuple[int, int, int], **options: Any) -> Checkpoint:
    """A net with seeded weights and batch norms that have seen something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(model, shape, 4, options)
        net(torch.randn(8, shape[2], *shape[:2]))
    about = About(
        model, options, Task("classify", tuple("abcd")), Preprocess(shape, divisor=255.0), 0, (Epoch(1.5, 50.0),)
    )
    return Checkpoint(net.eval(), about)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "net.safetensors", checkpoint("ds-cnn", DIGITS, width=8, depth=2))
    return tmp_path / "net.safetensors"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """A folder of the user's own with a factory that imports a second file."""
    (tmp_path / "mine_layers.py").write_text("from torch import nn\n")
    (tmp_path / "mine.py").write_text(
        "from mine_layers import nn\n\n\ndef flat(shape, classes, hidden=7, names=('a',), bias=bool(1)):\n"
        "    size = shape[0] * shape[1] * shape[2]\n"
        "    dense = nn.Linear(size, hidden)\n"
        "    return nn.Sequential(nn.Flatten(), dense, nn.ReLU(), nn.Linear(hidden, classes, bias=bias))\n\n\n"
        "def tied(shape, classes):\n    twice = nn.Linear(64, 64)\n"
        "    return nn.Sequential(nn.Flatten(), twice, nn.ReLU(), twice, nn.ReLU(), nn.Linear(64, classes))\n\n\n"
        "def text(shape, classes):\n    return 'no net'\n\n\ndef broken(shape, classes):\n    return 1 / 0\n"
    )
    with factories_in(tmp_path):
        yield tmp_path


@given(st.integers(1, 64), st.integers(1, 7), st.integers(1, 4))
def test_our_padding_gives_the_length_of_same(length: int, kernel: int, stride: int) -> None:
    before, behind = same_padding(length, kernel, stride)
    assert behind - before in (0, 1)
    if kernel >= stride:
        assert (length + before + behind - kernel) // stride + 1 == after((length, length), stride)[0]


@pytest.mark.parametrize("shape", [DIGITS, MNIST, COLOUR])
@pytest.mark.parametrize("model", OF_IMAGES)
def test_every_net_takes_small_and_odd_images_and_exports_without_padding(
    model: str, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    whole = checkpoint(model, shape)
    save_checkpoint(tmp_path / "net.safetensors", whole)
    export_onnx(tmp_path / "net.safetensors", tmp_path / "net.onnx")
    x = torch.randn(3, shape[2], *shape[:2])
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    with torch.inference_mode():
        assert np.allclose(session.run(None, {"input": x.numpy()})[0], whole.net(x).numpy(), rtol=1e-3, atol=1e-4)
    kinds = {node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node}
    dense = {"Transpose", "MatMul", "BatchNormalization"} if model == "dense-autoencoder" else set()
    assert kinds <= {"Conv", "Relu", "Clip", "Add", "GlobalAveragePool", "Flatten", "Gemm"} | dense


def test_an_export_says_what_it_is_fed_and_what_comes_out(stored: Path) -> None:
    export_onnx(stored, stored.with_suffix(".onnx"))
    model = onnx.load(stored.with_suffix(".onnx"))
    (travelling,) = model.metadata_props
    assert (
        travelling.key == "edgestill"
        and digest(stored) in travelling.value
        and '"labels":["a","b","c","d"]' in travelling.value
    )
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["input", "logits"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_two_checkouts_export_the_same_bytes(stored: Path, tmp_path: Path) -> None:
    other = tmp_path / "somewhere" / "else" / "edgestill"
    shutil.copytree(REPOSITORY, other, ignore=shutil.ignore_patterns(".*", "tests", "__pycache__", "*.egg-info"))
    code = (
        "import sys, pathlib, edgestill; from edgestill.pipeline.models.export import export_onnx;"
        "assert edgestill.__file__ == sys.argv[2], edgestill.__file__;"
        "export_onnx(pathlib.Path(sys.argv[1]), pathlib.Path('there.onnx'))"
    )
    command = [sys.executable, "-c", code, str(stored), str(other / "__init__.py")]
    subprocess.run(command, check=True, cwd=other.parent, env={"PYTHONPATH": str(other.parent)})
    export_onnx(stored, tmp_path / "here.onnx")
    assert digest(tmp_path / "here.onnx") == digest(other.parent / "there.onnx")
    raw = (tmp_path / "here.onnx").read_bytes()
    assert not [word for word in (str(tmp_path), str(REPOSITORY), "torch") if word.encode() in raw]


def test_a_checkpoint_is_read_back_as_it_was_saved(stored: Path) -> None:
    before, again = checkpoint("ds-cnn", DIGITS, width=8, depth=2), load_checkpoint(stored)
    assert again.about == before.about == read_about(stored)
    assert all(torch.equal(value, again.net.state_dict()[name]) for name, value in before.net.state_dict().items())


def test_the_same_checkpoint_is_saved_in_the_same_bytes(stored: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "again.safetensors", load_checkpoint(stored))
    assert digest(tmp_path / "again.safetensors") == digest(stored)


def test_the_header_is_read_without_torch(stored: Path) -> None:
    code = (
        "import sys, pathlib; from edgestill.pipeline.models.checkpoint import read_about;"
        "print(read_about(pathlib.Path(sys.argv[1])).model, 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(stored)], capture_output=True, text=True, check=True)
    assert found.stdout == "ds-cnn False\n"


def test_a_damaged_or_foreign_checkpoint_is_refused(stored: Path, tmp_path: Path) -> None:
    whole = stored.read_bytes()
    (tmp_path / "torn.safetensors").write_bytes(whole[:-9])
    (tmp_path / "text.safetensors").write_text("not tensors at all")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "foreign.safetensors")
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "header.safetensors", {"edgestill": '{"version": 9}'})
    for name in ("torn", "text", "empty", "foreign", "header", "absent"):
        with pytest.raises(BadModel, match=f"{name}.safetensors"):
            load_checkpoint(tmp_path / f"{name}.safetensors")


def test_tensors_of_another_net_are_refused(stored: Path, tmp_path: Path) -> None:
    about = checkpoint("residual", DIGITS, widths=(8,)).about
    save_checkpoint(tmp_path / "mixed.safetensors", Checkpoint(load_checkpoint(stored).net, about))
    with pytest.raises(BadModel, match="mixed.safetensors: its tensors do not fit the model 'residual'"):
        load_checkpoint(tmp_path / "mixed.safetensors")


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("ds_cnn", {}, "no model is named 'ds_cnn'; there are .*ds-cnn, mobilenet-v1, .*, or module:factory"),
        ("ds-cnn", {"widht": 8}, "model 'ds-cnn': no option is named 'widht'; there are depth, dropout, width"),
        ("ds-cnn", {"width": "wide"}, "model 'ds-cnn': width is 'wide'; expected something like 64, above 0"),
        ("ds-cnn", {"width": 0}, "model 'ds-cnn': width is 0; expected something like 64, above 0"),
        ("ds-cnn", {"width": True}, "model 'ds-cnn': width is True"),
        ("residual", {"widths": 8}, r"model 'residual': widths is 8; expected something like \[32, 64, 128\]"),
        ("residual", {"widths": []}, r"model 'residual': widths is \[\]"),
        ("residual", {"widths": [8, 1.5]}, r"model 'residual': widths is \[8, 1.5\]"),
    ],
)
def test_a_wrong_name_or_option_is_answered_with_those_there_are(model: str, options: Any, message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        check(model, options)


def test_recipes_are_checked_without_torch() -> None:
    code = (
        "import sys; from edgestill.pipeline.models.catalog import check; check('resnet8', {});"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_net_of_the_user_s_own_is_built_saved_and_exported(own: Path) -> None:
    whole = checkpoint("mine:flat", DIGITS, hidden=5)
    save_checkpoint(own / "net.safetensors", whole)
    assert load_checkpoint(own / "net.safetensors").net.state_dict()["1.weight"].shape == (5, 64)
    export_onnx(own / "net.safetensors", own / "net.onnx")


def test_layers_that_share_weights_are_saved_and_share_them_again(own: Path) -> None:
    whole = checkpoint("mine:tied", DIGITS)
    save_checkpoint(own / "net.safetensors", whole)
    net = load_checkpoint(own / "net.safetensors").net
    assert net.get_parameter("1.weight") is net.get_parameter("3.weight")
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(net(x), whole.net(x))
    export_onnx(own / "net.safetensors", own / "net.onnx")


def test_the_user_s_own_sources_are_known(own: Path) -> None:
    assert sources("mine:flat") == [own / "mine.py", own / "mine_layers.py"]
    assert sources("ds-cnn") == []


def test_sources_in_packages_are_followed_however_they_are_imported(own: Path) -> None:
    (own / "nets").mkdir()
    lines = {
        "__init__": "",
        "small": "from . import parts\nfrom .more import x\nfrom .. import y\nfrom ... import z\n"
        f"from {30 * '.'} import beyond\nimport mine_layers\n",
        "parts": "",
        "more": "",
    }
    for name, text in lines.items():
        (own / "nets" / f"{name}.py").write_text(text)
    (own / "nets" / "unused.py").write_text("")
    expected = [
        own / "mine_layers.py",
        *(own / "nets" / f"{name}.py" for name in ("__init__", "more", "parts", "small")),
    ]
    assert sources("nets.small:net") == expected


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("mine:flat", {"deep": 3}, "no option is named 'deep'; there are bias, hidden, names"),
        ("mine:flat", {"hidden": 0.5}, "hidden is 0.5; expected something like 7"),
        ("mine:round", {}, "mine.py has no function 'round'; there are broken, flat, text"),
        ("yours:flat", {}, "there is no yours.py in"),
        ("os:system", {}, "there is no os.py in"),
        ("mine:text", {}, "the factory returned str, expected a torch.nn.Module"),
        ("mine:broken", {}, "cannot be built: ZeroDivisionError: division by zero"),
    ],
)
def test_a_wrong_net_of_the_user_s_own_is_named(own: Path, model: str, options: Any, message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        build(model, DIGITS, 4, options)


def test_two_recipes_in_one_process_may_each_have_a_module_of_one_name(own: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "mine.py").write_text("import mine_layers\n\n\ndef flat(shape, classes):\n    return mine_layers.net()\n")
    (theirs / "mine_layers.py").write_text(
        "import torch\n\n\ndef net():\n    return torch.nn.Sequential(torch.nn.ReLU())\n"
    )
    first = build("mine:flat", DIGITS, 4, {})
    with factories_in(theirs):
        second = build("mine:flat", DIGITS, 4, {})
    assert [len(list(net.children())) for net in (first, second, build("mine:flat", DIGITS, 4, {}))] == [4, 1, 4]


def test_own_code_that_changes_the_path_of_imports_is_told_what_it_did_wrong_itself(own: Path) -> None:
    (own / "wild.py").write_text("import sys\n\nsys.path = sys.path[1:]\n\ndef net(shape, classes):\n    1 / 0\n")
    with pytest.raises(BadRecipe, match="cannot be built: ZeroDivisionError"):
        build("wild:net", DIGITS, 4, {})


def test_a_folder_that_holds_a_checkout_of_ours_does_not_take_it_along(own: Path, tmp_path: Path) -> None:
    (tmp_path / "edgestill").symlink_to(Path(edgestill.__file__).parent)
    code = (
        "import sys; from pathlib import Path; from edgestill.pipeline.own_code import factories_in;"
        "from edgestill.pipeline.models.catalog import build;"
        "here = Path.cwd(); first = sys.modules['edgestill'];\n"
        "for folder in (here, here / 'theirs'):\n"
        "    with factories_in(folder): build('mine:flat', (8, 8, 1), 4, {})\n"
        "print(sys.modules['edgestill'] is first)"
    )
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "mine.py").write_text(
        (own / "mine.py").read_text().replace("from mine_layers", "from torch")
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert ended.stdout == "True\n", ended.stderr


def test_a_module_that_would_hide_another_is_refused(own: Path) -> None:
    (own / "json.py").write_text("def net(shape, classes):\n    pass\n")
    with pytest.raises(BadRecipe, match="another module is called 'json' already"):
        build("json:net", DIGITS, 4, {})


def test_source_that_is_not_python_is_refused(own: Path) -> None:
    (own / "torn.py").write_text("def net(:\n")
    with pytest.raises(BadRecipe, match="torn.py is not Python"):
        build("torn:net", DIGITS, 4, {})


def test_outside_of_a_recipe_nobody_s_own_code_runs(stored: Path, tmp_path: Path) -> None:
    about = About("os:system", {}, Task("classify", ("a", "b")), Preprocess(DIGITS), 0)
    save_checkpoint(tmp_path / "evil.safetensors", Checkpoint(load_checkpoint(stored).net, about))
    with pytest.raises(BadRecipe, match="model 'os:system': what is your own lies beside the recipe"):
        load_checkpoint(tmp_path / "evil.safetensors")


def test_an_export_that_differs_from_its_net_never_counts(own: Path) -> None:
    (own / "mine.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Branch(nn.Module):\n"
        "    def __init__(self, classes):\n        super().__init__()\n"
        "        self.scale = nn.Parameter(torch.ones(classes))\n"
        "    def forward(self, x):\n        sign = 1.0 if len(x) == 1 else -1.0\n"
        "        return sign * x.mean((1, 2, 3)).unsqueeze(1) * self.scale + self.scale\n\n\n"
        "def branch(shape, classes):\n    return Branch(classes)\n"
    )
    save_checkpoint(own / "net.safetensors", checkpoint("mine:branch", DIGITS))
    with pytest.raises(BadModel, match="net.safetensors: .* of the largest output"):
        export_onnx(own / "net.safetensors", own / "net.onnx")
    assert not (own / "net.onnx").exists()
