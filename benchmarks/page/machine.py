"""What it was measured on, and how to measure it again."""

import json
from collections.abc import Mapping
from typing import Any

from ..report.document import Report
from ..tables.human import size
from .markup import Html, element, join
from .section import Section

NAMES = {
    "cpu": "processor",
    "arch": "architecture",
    "megahertz": "clock, MHz",
    "features": "integer instructions",
    "virtual": "virtual machine",
    "memory_bytes": "memory",
    "os": "system",
    "governor": "clock governor",
    "load_average": "load average",
}


def section(report: Report) -> Section:
    return Section("machine", "This machine", _facts(_known(report.device.facts)))


def reproduce(report: Report) -> Section:
    """The command, the recipe's digest, the plan, the versions, and what every artifact was made from."""
    plan = report.plan
    how = f"{plan.runs:,} calls a file in {plan.rounds} rounds, at most {plan.seconds:g} s; "
    warm = f"warm-up {plan.warmup} calls and {plan.warmup_seconds:g} s a round"
    facts = {
        "recipe sha-256": report.recipe_sha256,
        "data": _data(report),
        "measured": how + warm,
        "made": report.created,
    }
    versions = dict(sorted(report.versions.items()))
    parts = [element("pre", element("code", report.command)), _facts({**facts, **versions})]
    if report.lineage:
        said = json.dumps(report.lineage, indent=1, sort_keys=True)
        parts.append(element("details", element("summary", "where every artifact comes from"), element("pre", said)))
    return Section("reproduce", "Do it again", join(parts))


def _known(facts: Mapping[str, Any]) -> dict[str, str]:
    """What the machine told, in words; what it did not tell is said to be unknown."""
    return {NAMES.get(name, name): _said(name, value) for name, value in facts.items()}


def _said(name: str, value: Any) -> str:
    if value is None or value == []:
        return "not told"
    if name == "memory_bytes":
        return size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items() if part)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _data(report: Report) -> str:
    """The data's name, and what is known of where they come from."""
    source = report.source
    if source is None:
        return report.data
    kept = f"{source.package} {source.version}: {source.file}" if source.package else source.file
    return f"{report.data}, from {kept}, licence: {source.licence}, sha-256 {source.sha256}"


def _facts(facts: Mapping[str, str]) -> Html:
    pairs = (element("div", element("dt", name), element("dd", said)) for name, said in facts.items())
    return element("dl", *pairs, class_="facts")
