"""What pages send, read with care: a page is a program on somebody's phone."""

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = ("float32", "float64", "int8", "uint8", "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64")
EVENTS = ("progress", "result", "error", "gone")
LONGEST = 400  # characters of a fact
MOST_SAMPLES = 1_000_000


class Unreadable(Exception):
    """What came is not what a page of ours sends."""


def event_of(body: bytes) -> dict[str, Any]:
    """A page's event; Unreadable when it is none."""
    event = _object(body)
    if event.get("event") not in EVENTS:
        raise Unreadable("no event")
    return event


def facts_of(body: bytes) -> dict[str, Any]:
    """What a page says of itself: words, numbers, yes or no."""
    facts = _object(body)
    return {
        str(key)[:LONGEST]: value[:LONGEST] if isinstance(value, str) else value
        for key, value in list(facts.items())[:50]
        if value is None or isinstance(value, str | bool) or _is_number(value)
    }


def arrays_of(event: Mapping[str, Any]) -> list[NDArray[Any]]:
    """The outputs in an answer."""
    listed = event.get("outputs")
    if not isinstance(listed, list):
        raise Unreadable("no outputs")
    return [_array(one) for one in listed]


def samples_of(event: Mapping[str, Any]) -> tuple[float, ...]:
    """The raw latencies in an answer, in microseconds; a batch of calls is so long that none of them is 0."""
    found = event.get("latency_us")
    if not isinstance(found, list) or not 0 < len(found) <= MOST_SAMPLES or not all(map(_is_number, found)):
        raise Unreadable("no latencies")
    if not min(found) > 0:
        raise Unreadable("a latency of 0")
    return tuple(map(float, found))


def number_of(event: Mapping[str, Any], key: str) -> float:
    value = event.get(key)
    if not _is_number(value):
        raise Unreadable(f"no {key}")
    return float(value)  # type: ignore[arg-type]


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array as a page reads it."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": data}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("no JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("no JSON object")
    return found


def _array(one: Any) -> NDArray[Any]:
    try:
        dtype, shape = one["dtype"], [int(length) for length in one["shape"]]
        if dtype not in TYPES:
            raise Unreadable(f"no array of {dtype}")
        return np.frombuffer(base64.b64decode(one["data"], validate=True), dtype).reshape(shape)
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise Unreadable("no array") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max
