"""LogMel and Mfcc: what a model of sound is fed, frame by frame."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .front_end import real, settings, whole
from .spectrum import cosines, framed, mel_filters, power

LIMITS = {
    "sample_rate": (1, 1_000_000),
    "window": (2, 16_384),
    "hop": (1, 16_384),
    "fft": (2, 16_384),
    "bands": (1, 256),
    "frames": (1, 10_000),
}


@dataclass(frozen=True)
class LogMel:
    """The natural logarithm of the energy in `bands` mel bands from `low_hz` to `high_hz`, `frames` times.

    Frame k is `window` samples from sample k * `hop` on, Hann-weighted, with zeros up to `fft`; energies below `floor`
    count as `floor`. A waveform is `samples` values of -1 to 1 at `sample_rate` hertz.
    """

    sample_rate: int = 16_000
    window: int = 480
    hop: int = 320
    fft: int = 512
    bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 7_600.0
    floor: float = 1e-6
    frames: int = 49

    name: ClassVar[str] = "log-mel"

    def __post_init__(self) -> None:
        owner = f"front end {self.name!r}"
        whole(owner, **{name: (getattr(self, name), *limits) for name, limits in LIMITS.items()})
        real(owner, low_hz=self.low_hz, high_hz=self.high_hz, floor=self.floor)
        if self.window > self.fft:
            raise BadInput(
                f"{owner}: a window of {self.window} samples needs an fft of at least as many; it is {self.fft}"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise BadInput(
                f"{owner}: its bands go from {self.low_hz} to {self.high_hz} Hz; "
                f"at {self.sample_rate} samples a second they must lie within 0 to {self.sample_rate / 2:g}"
            )
        if self.floor <= 0:
            raise BadInput(f"{owner}: floor is {self.floor}; it must be above 0, or silence has no logarithm")
        empty = np.flatnonzero(~self.filters().any(axis=0))
        if len(empty):
            raise BadInput(
                f"{owner}: {len(empty)} of {self.bands} mel bands lie between two bins of the spectrum, the first is "
                f"band {empty[0]}; take fewer bands, a larger fft or a higher low_hz"
            )

    @property
    def samples(self) -> int:
        """The length of a waveform."""
        return (self.frames - 1) * self.hop + self.window

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.bands, 1)

    def filters(self) -> NDArray[np.float64]:
        """The mel filter bank, (fft // 2 + 1, bands)."""
        return mel_filters(self.bands, self.fft, self.sample_rate, self.low_hz, self.high_hz)

    def apply(self, raw: Any) -> NDArray[np.float32]:
        """Waveforms (n, samples) -> (n, frames, bands, 1) float32; BadInput when they have another length."""
        return np.asarray(self._log_mel(raw), np.float32)[..., None]

    def to_json(self) -> dict[str, Any]:
        return settings(self)

    def _log_mel(self, raw: Any) -> NDArray[np.float64]:
        waveforms = np.asarray(raw)
        if waveforms.ndim != 2 or waveforms.shape[1] != self.samples or waveforms.dtype.kind != "f":
            raise BadInput(
                f"front end {self.name!r}: waveforms have shape {waveforms.shape} and type {waveforms.dtype}; "
                f"expected (n, {self.samples}), real numbers"
            )
        energies = power(framed(waveforms, self.window, self.hop), self.fft) @ self.filters()
        return np.asarray(np.log(np.maximum(energies, self.floor)))


@dataclass(frozen=True)
class Mfcc(LogMel):
    """The first `coefficients` of the orthonormal DCT-II of `LogMel` (Davis and Mermelstein 1980), the 0th among them.

    With a `lifter` L above 0, coefficient n is multiplied by 1 + L / 2 sin(pi n / L) (the HTK Book, section 5.6).
    """

    coefficients: int = 13
    lifter: int = 0

    name: ClassVar[str] = "mfcc"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(f"front end {self.name!r}", coefficients=(self.coefficients, 1, 256), lifter=(self.lifter, 0, 1000))
        if self.coefficients > self.bands:
            raise BadInput(
                f"front end {self.name!r}: {self.coefficients} coefficients of {self.bands} bands; take fewer"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.coefficients, 1)

    def transform(self) -> NDArray[np.float64]:
        """The cosine transform with the lifter in it, (bands, coefficients)."""
        matrix = cosines(self.bands, self.coefficients)
        if not self.lifter:
            return matrix
        return matrix * (1 + self.lifter / 2 * np.sin(np.pi * np.arange(self.coefficients) / self.lifter))

    def apply(self, raw: Any) -> NDArray[np.float32]:
        """Waveforms (n, samples) -> (n, frames, coefficients, 1) float32; BadInput when they have another length."""
        return np.asarray(self._log_mel(raw) @ self.transform(), np.float32)[..., None]
