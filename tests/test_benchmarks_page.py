"""The page: everything of a report is on it, nothing on it comes from elsewhere, and no name can break it."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgestill.benchmarks.harness.result import Failure
from edgestill.benchmarks.page import page, write_page
from edgestill.benchmarks.page.calls import edge
from edgestill.benchmarks.page.sizes import front, places
from edgestill.benchmarks.report.document import Confusion, LayerParity, Parity, Report, read_report
from edgestill.benchmarks.report.sentences import headline, speeds
from edgestill.tests.wanted import want_program

DIGITS = Path(__file__).parent / "cases" / "report.json"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<b>"
VOID = {"meta", "br", "hr", "link", "img", "input"}


class Reader(HTMLParser):
    """What a browser would find: elements, attributes, the text people see, and the figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.seen = ""
        self.figures = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            if self.elements[-1][1].get("id") == "figures":
                self.figures += data
        elif self.open and self.open[-1] != "style":
            self.seen += data

    def ids(self) -> set[str]:
        return {str(attributes["id"]) for _, attributes in self.elements if "id" in attributes}


@pytest.fixture(scope="module")
def digits() -> Report:
    return read_report(DIGITS)


@pytest.fixture(scope="module")
def whole(digits: Report) -> Reader:
    return Reader(page(digits))


def test_every_element_is_closed(whole: Reader) -> None:
    assert whole.open == []


def test_everything_of_the_report_is_on_the_page(digits: Report, whole: Reader) -> None:
    wanted = [headline(digits).replace(" %", "\u00a0%").replace(" KB", "\u00a0KB"), *speeds(digits), digits.command]
    wanted += [name for variant in digits.variants for name in (variant.name, *(file.name for file in variant.files))]
    wanted += [file.sha256[:8] for variant in digits.variants for file in variant.files]
    wanted += [digits.recipe_sha256, str(digits.device.facts["cpu"]), *digits.versions, *digits.versions.values()]
    wanted += [layer.layer for parity in digits.parity for layer in parity.layers]
    assert [text for text in wanted if text not in whole.seen] == []


def test_every_link_leads_somewhere_on_the_page(whole: Reader) -> None:
    links = {str(attributes["href"]) for tag, attributes in whole.elements if tag == "a"}
    assert links == {f"#{name}" for name in whole.ids() - {"figures"}}
    assert {"#variants", "#size", "#calls", "#learning", "#mistakes", "#parity", "#files", "#machine"} < links


def test_nothing_comes_from_elsewhere(whole: Reader) -> None:
    assert {tag for tag, _ in whole.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    loading = [
        (tag, key, value)
        for tag, attributes in whole.elements
        for key, value in attributes.items()
        if key in {"src", "srcset", "href", "action", "data", "poster"} and not str(value).startswith("#")
    ]
    assert loading == []
    policy = next(attributes["content"] for _, attributes in whole.elements if "http-equiv" in attributes)
    assert policy and policy.startswith("default-src 'none'") and "http" not in policy


def test_style_loads_nothing(digits: Report) -> None:
    style = re.search(r"<style>(.*?)</style>", page(digits), re.S)
    assert style and "url(" not in style.group(1) and "@import" not in style.group(1)


def test_figures_are_drawn_from_raw_samples(digits: Report, whole: Reader) -> None:
    figures = json.loads(whole.figures)
    assert set(figures) == {"size", "calls", "learning", "mistakes"}
    drawn = {value for trace in figures["calls"]["data"] if trace["mode"] == "markers" for value in trace["x"]}
    raw = {value for result in digits.results for part in result.rounds_us for value in part}
    assert len(drawn & raw) > 400
    places_ = [attributes["data-figure"] for _, attributes in whole.elements if "data-figure" in attributes]
    assert sorted(map(str, places_)) == sorted(figures)


def test_plotly_stands_in_the_page_once(digits: Report) -> None:
    text = page(digits)
    assert text.count("plotly.js v") == 1


def test_a_figure_is_told_in_words_too(whole: Reader) -> None:
    for _, attributes in whole.elements:
        if "data-figure" in attributes:
            assert attributes["role"] == "img" and attributes["aria-label"]


def hostile(report: Report) -> Report:
    """The same report with a name in every place where a user can write one."""
    variants = tuple(
        replace(one, name=HOSTILE + one.name, files=tuple(replace(file, name=HOSTILE) for file in one.files))
        for one in report.variants
    )
    failed = replace(report.results[0], rounds_us=(), error=Failure("load", "BadModel", HOSTILE))
    return replace(
        report,
        recipe=HOSTILE,
        data=HOSTILE,
        command=HOSTILE,
        variants=variants,
        results=(failed, *report.results[1:]),
        curves=tuple(replace(curve, variant=HOSTILE) for curve in report.curves),
        parity=(Parity(HOSTILE, HOSTILE, False, (LayerParity(HOSTILE, HOSTILE, 10, 3, 2, 31.4),), 2, 3, 40, 0.5),),
        confusion=Confusion(HOSTILE, (HOSTILE, "b"), ((3, 1), (0, 4))),
        device=replace(report.device, name=HOSTILE, facts={HOSTILE: HOSTILE}),
        versions={HOSTILE: HOSTILE},
        lineage={HOSTILE: {HOSTILE: HOSTILE}},
        notes=(HOSTILE,),
    )


def test_no_name_can_break_the_page(digits: Report, whole: Reader) -> None:
    broken = Reader(page(hostile(digits)))
    assert broken.open == []
    assert "img" not in {tag for tag, _ in broken.elements}
    assert [tag for tag, _ in broken.elements].count("script") == [tag for tag, _ in whole.elements].count("script")
    assert not any(key.startswith("on") for _, attributes in broken.elements for key in attributes)
    assert HOSTILE in broken.seen
    assert "<img" not in json.dumps(json.loads(broken.figures))


def test_a_report_with_little_in_it_is_still_a_page(digits: Report) -> None:
    bare = replace(digits, variants=digits.variants[-1:], results=(), curves=(), parity=(), confusion=None, lineage={})
    little = Reader(page(bare))
    assert little.open == [] and little.figures == ""
    assert little.ids() == {"variants", "files", "machine", "reproduce"}


def test_a_failure_stands_before_everything_else(digits: Report) -> None:
    broken = replace(digits.results[0], rounds_us=(), error=Failure("load", "RuntimeDied", "teacher.onnx: it died"))
    told = Reader(page(replace(digits, results=(broken, *digits.results[1:])))).seen
    assert told.index("teacher.onnx: it died") < told.index("Size against score")


def test_no_folder_of_this_machine_is_on_the_page(digits: Report, tmp_path: Path) -> None:
    write_page(digits, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and str(Path.home()) + "/" not in text


def test_the_front_keeps_what_nobody_beats() -> None:
    points = [(10, 90.0), (20, 95.0), (30, 94.0), (20, 92.0), (40, 98.0)]
    assert front(points, higher=True) == [(10, 90.0), (20, 95.0), (40, 98.0)]
    assert front(points, higher=False) == [(10, 90.0)]


def test_names_keep_out_of_each_others_way() -> None:
    assert places([(1000, 90.0), (1100, 90.1), (100_000, 98.0)]) == ["top left", "bottom right", "top left"]
    assert places([(1000, 90.0), (1000, 98.0)]) == ["bottom right", "bottom right"]


def test_a_few_slow_calls_do_not_press_the_others_aside() -> None:
    assert edge([[10.0] * 99 + [5000.0]]) == 25.0


def test_a_browser_draws_every_figure_without_the_network(digits: Report, tmp_path: Path) -> None:
    browser = shutil.which("google-chrome") or want_program("chromium", "web")
    write_page(digits, tmp_path / "report.html")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom"]
    command = [browser, *flags, (tmp_path / "report.html").as_uri()]
    told = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    drawn = re.findall(r'class="figure js-plotly-plot" data-figure="(\w+)"', told)
    assert sorted(drawn) == ["calls", "learning", "mistakes", "size"]
    assert told.count('class="main-svg"') >= len(drawn)


def test_a_training_that_kept_an_earlier_epoch_is_told_by_that_epoch(digits: Report) -> None:
    values = tuple(float(value) for value in (50, 90, 80))
    kept = replace(digits, curves=tuple(replace(curve, validation=values, kept=2) for curve in digits.curves[:1]))
    assert "90.0 % after epoch 2, the best of 3" in page(kept)
    last = replace(digits, curves=tuple(replace(curve, validation=values, kept=3) for curve in digits.curves[:1]))
    assert "80.0 % after 3 epochs" in page(last)
