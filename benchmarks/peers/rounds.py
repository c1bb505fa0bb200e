"""Every contender makes every file of a net, round after round; then the files are judged."""

from pathlib import Path

import numpy as np

from .contenders import CONTENDERS, Contender, Made, python_of, quantized
from .judge import judge
from .material import Material
from .row import Row
from .zoo import SUBJECTS


def compared(material: Material, work: Path, rounds: int) -> list[Row]:
    """A row a file, in the order of the contenders.

    They take turns within a round, so that a machine that is busy for a while is as busy for all of them. Files are
    those of the last round.
    """
    made: dict[tuple[Contender, str, str], list[Made]] = {}
    for _ in range(rounds):
        for contender in CONTENDERS:
            python = python_of(contender, work / "environments")
            out = work / "files" / contender.script
            for one in quantized(contender, python, material.folder, material.net, out):
                made.setdefault((contender, one.configuration, one.file), []).append(one)
    return [_row(material, contender, files) for (contender, _, _), files in made.items()]


def _row(material: Material, contender: Contender, made: list[Made]) -> Row:
    last = made[-1]
    if last.error:
        return Row(material.net, contender.name, last.configuration, "", (), (), None, last.error)
    file = Path(last.file)
    arrays = np.load(material.samples)
    return Row(
        net=material.net,
        contender=contender.name,
        configuration=last.configuration,
        format=file.suffix[1:],
        seconds=tuple(one.seconds for one in made),
        from_onnx_seconds=tuple(one.from_onnx_seconds for one in made if one.from_onnx_seconds is not None),
        judged=judge(file, arrays["judged"], arrays["exact"], SUBJECTS[material.net].classes),
    )
