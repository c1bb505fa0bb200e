"""[measure] of a recipe: how its files are measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """How the files are measured: on which targets, `runs` calls a file, at most `seconds` of them; then each of them
    for `sustain` seconds without a pause, which shows what heat does to it."""

    targets: tuple[str, ...] = ("host",)
    runs: int = 1000
    warmup: int = 10
    seconds: float = 5.0
    threads: int = 1
    sustain: float = 0.0

    def __post_init__(self) -> None:
        if not self.targets:
            raise ValueError('targets is empty; name at least one, for example "host"')
        if twice := [name for name in self.targets if self.targets.count(name) > 1]:
            raise ValueError(f"targets names {twice[0]!r} twice; one name is one place")
        for name in ("runs", "threads", "seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("warmup", "sustain"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
