"""What a plain scalar means. Pure functions, no YAML library.

kubectl reads YAML with two libraries: manifests with a YAML 1.2-like one (``on`` and ``yes`` are strings, ``017`` and
``0o17`` are 15, ``1e3`` is a number, a date is a time), kustomization files and JSON patches with a YAML 1.1 one
(``on`` and ``yes`` are booleans, a date is a string). ``legacy`` chooses the second.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re

from pykustomize.blocks import read_again
from pykustomize.nodes import BOOL, FLOAT, INT, NULL, STR, TIME, UNTAGGED, Node, Scalar

Value = str | int | float | bool | None

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_LEGACY_TRUE = _TRUE | {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"}
_LEGACY_FALSE = _FALSE | {"n", "N", "no", "No", "NO", "off", "Off", "OFF"}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?"
_TIME = re.compile(rf"{_DATE}(?:(?:[Tt]{_CLOCK}(Z|[-+][0-9]{{2}}:[0-9]{{2}}))| {_CLOCK})?")
_INT64, _UINT64 = 1 << 63, 1 << 64
MAX_DIGITS = 4000
"""What Python reads at once; a number with more is far beyond 64 bits."""


def tag_of(text: str, *, legacy: bool = False) -> str:
    """The tag of a plain scalar.

    :param legacy: read it as kustomization files are read.
    """
    if text in _NULLS:
        return NULL
    if text in (_LEGACY_TRUE if legacy else _TRUE) or text in (_LEGACY_FALSE if legacy else _FALSE):
        return BOOL
    if _NOT_FINITE.fullmatch(text):
        return FLOAT
    first = text[0]
    if first == ".":
        return FLOAT if _float(text) is not None else STR
    if first not in "+-0123456789":
        return STR
    if time_of(text) is not None:
        return STR if legacy else TIME
    plain = text.replace("_", "")
    if _integer(plain) is not None:
        return INT
    return FLOAT if _float(plain) is not None else STR


def value_of(scalar: Scalar) -> Value:
    """The value that JSON gets for this scalar.

    :raises ValueError: JSON has no such value (infinity, not a number), or kubectl cannot read what it writes for it.
    """
    tag = scalar.tag
    if tag == UNTAGGED:
        tag = STR if scalar.quoted else tag_of(scalar.text)
    if tag == STR:
        return read_again(scalar.text, scalar.style)
    if tag == NULL:
        return None
    if tag == BOOL:
        return scalar.text in _LEGACY_TRUE
    if tag == TIME:
        return time_of(scalar.text)
    plain = scalar.text if scalar.text.startswith(".") else scalar.text.replace("_", "")
    number: int | float | None = _integer(plain) if tag == INT else None
    if number is None:
        number = _float(plain)
    if number is None:
        raise ValueError(f"'{scalar.text}' is not a number that JSON knows")
    return shorten(number)


def shorten(number: int | float) -> int | float:
    """The number as it comes out of JSON: whole ones below 1e21 lose their point."""
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e21:
        whole = int(decimal.Decimal(repr(number)))
        return whole if -_INT64 <= whole < _UINT64 else number
    return number


def untyped(old: Node | None, text: str) -> Scalar:
    """``text`` written where ``old`` stood: it stays in quotes if that was, otherwise it is what it looks like."""
    return Scalar(text, UNTAGGED, old.style if isinstance(old, Scalar) else "")


def number_text(number: float) -> str:
    """A number as kustomize writes it after a JSON patch: shortest digits, with an exponent from 1e6 on."""
    sign, digits, power = decimal.Decimal(repr(float(number))).normalize().as_tuple()
    exponent = len(digits) + int(power) - 1
    if number == 0 or -4 <= exponent < 6:
        return f"{decimal.Decimal(repr(float(number))).normalize():f}"
    body = "".join(map(str, digits))
    return f"{'-' if sign else ''}{body[0]}{'.' + body[1:] if body[1:] else ''}e{exponent:+03d}"


def _integer(plain: str) -> int | None:
    match = _INTEGER.fullmatch(plain)
    if not match:
        return None
    sign, hexadecimal, binary, octal, decimal = match.groups()
    digits, base = next((d, b) for d, b in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)) if d)
    if len(digits) > MAX_DIGITS:
        return None
    number = int(digits, base) * (-1 if sign == "-" else 1)
    if -_INT64 <= number < _INT64:
        return number
    return number if 0 <= number < _UINT64 and not sign else None


def _float(plain: str) -> float | None:
    if not _FLOAT.fullmatch(plain):
        return None
    number = float(plain)
    return number if math.isfinite(number) else None


def time_of(text: str) -> str | None:
    """A date or time in RFC 3339, or ``None`` if the text is neither."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    parts = match.groups()
    clock = parts[3:7] if parts[3] else parts[8:12]
    hour, minute, second = (int(part or 0) for part in clock[:3])
    try:
        moment = datetime.datetime(int(parts[0]), int(parts[1]), int(parts[2]), hour, minute, second)  # noqa: DTZ001 - the zone is text
    except ValueError:
        return None
    fraction = (clock[3] or "")[:9].rstrip("0")
    zone = parts[7] or "Z"
    if zone != "Z" and (int(zone[1:3]) > 24 or int(zone[4:6]) > 60):
        return None
    return f"{moment.isoformat()}{'.' + fraction if fraction else ''}{'Z' if zone[1:] == '00:00' else zone}"
