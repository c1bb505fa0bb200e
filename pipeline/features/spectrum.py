"""Frames of a waveform, their power spectrum, the mel filter bank and the cosine transform, in float64."""

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


def framed(waveforms: NDArray[np.floating], window: int, hop: int) -> Real:
    """(n, samples) -> (n, frames, window): frame k starts at sample k * hop; none reaches beyond the end."""
    frames = np.lib.stride_tricks.sliding_window_view(waveforms, window, axis=1)[:, ::hop]
    return np.asarray(frames, np.float64)


def hann(window: int) -> Real:
    """The periodic Hann window, 0.5 - 0.5 cos(2 pi k / window) (Harris 1978, On the Use of Windows, section V.C)."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))


def power(frames: Real, fft: int) -> Real:
    """(..., window) -> (..., fft // 2 + 1): |DFT|^2 of Hann-weighted frames, zeros behind them up to `fft` values."""
    spectrum = np.fft.rfft(frames * hann(frames.shape[-1]), fft)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def mel_filters(bands: int, fft: int, sample_rate: int, low_hz: float, high_hz: float) -> Real:
    """(fft // 2 + 1, bands): triangles of height 1, linear in hertz, whose corners lie evenly on the mel scale.

    The scale is mel = 2595 log10(1 + hz / 700) (O'Shaughnessy 1987; the HTK Book, section 5.4).
    """
    corners = _hertz(np.linspace(_mel(low_hz), _mel(high_hz), bands + 2))
    hertz = np.arange(fft // 2 + 1)[:, None] * (sample_rate / fft)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hertz - low) / (centre - low), (high - hertz) / (high - centre)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def cosines(bands: int, coefficients: int) -> Real:
    """(bands, coefficients): the orthonormal DCT-II (Ahmed, Natarajan, Rao 1974, Discrete Cosine Transform)."""
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    matrix = np.sqrt(2.0 / bands) * np.cos(angles)
    matrix[:, 0] = np.sqrt(1.0 / bands)
    return np.asarray(matrix)


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: Real) -> Real:
    return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
