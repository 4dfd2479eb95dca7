"""Documents to plain Python values, and to one YAML stream."""

from __future__ import annotations

import functools
import re
from typing import Any

import yaml

from pykustomize.nodes import STR, Node, Scalar
from pykustomize.scalars import tag_of, value_of

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOST = re.compile("[\x85\u2028\u2029]")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


def plain(node: Node) -> Any:
    """The node as dictionaries, lists, strings, numbers, booleans and ``None``; keys in kubectl's order.

    :raises ValueError: a number that JSON does not know, or a character that kubectl loses.
    """
    if isinstance(node, Scalar):
        value = value_of(node)
        if isinstance(value, str) and _LOST.search(value):
            raise ValueError(
                "kubectl would lose a line break that YAML 1.2 does not know (U+0085, U+2028 or U+2029)"
            )
        return value
    if isinstance(node, list):
        return [plain(value) for value in node]
    return {key: plain(node[key]) for key in sorted(node, key=_natural)}


def dump(documents: list[dict[str, Any]]) -> str:
    """One YAML stream. Strings that any YAML reader could take for something else are quoted."""
    return "---\n".join(map(_dump_one, documents))


def _dump_one(document: dict[str, Any]) -> str:
    text: str = yaml.dump(
        document, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    # PyYAML's mark of an end that could be mistaken, behind a text whose last lines are empty.
    return text.removesuffix("...\n") if text.endswith("\n...\n") else text


class _Dumper(_BASE):  # type: ignore[misc]
    """kubectl's choice of styles: ``|`` for several lines, double quotes for what looks like another type."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Every plain scalar is written as it is: the representers have chosen the quotes already."""
        return self.DEFAULT_SCALAR_TAG if kind is yaml.ScalarNode else super().resolve(kind, value, implicit)


def _scalar(dumper: Any, text: str, style: str | None = None) -> Any:
    return dumper.represent_scalar(dumper.DEFAULT_SCALAR_TAG, text, style=style)


def _string(dumper: Any, text: str) -> Any:
    ambiguous = tag_of(text) != STR or tag_of(text, legacy=True) != STR or bool(_BASE_60.fullmatch(text))
    return _scalar(dumper, text, "|" if "\n" in text else '"' if ambiguous else None)


def _float_text(number: float) -> str:
    """Shortest digits, an exponent of at least two."""
    text = f"{number:.17g}" if abs(number) >= 1e16 and "e" not in repr(number) else repr(number)
    mantissa, mark, power = text.partition("e")
    return f"{mantissa}e{int(power):+03d}" if mark else text


_Dumper.add_representer(str, _string)
_Dumper.add_representer(int, lambda dumper, number: _scalar(dumper, str(number)))
_Dumper.add_representer(float, lambda dumper, number: _scalar(dumper, _float_text(number)))
_Dumper.add_representer(bool, lambda dumper, value: _scalar(dumper, "true" if value else "false"))
_Dumper.add_representer(type(None), lambda dumper, _: _scalar(dumper, "null"))


def _compare(left: str, right: str) -> int:
    """kubectl's order of keys: letters come last, runs of digits compare as numbers."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one == other:
            continue
        if one.isalpha() and other.isalpha():
            return -1 if one < other else 1
        if one.isalpha() or other.isalpha():
            return 1 if one.isalpha() else -1
        first, second = _number_at(left, place), _number_at(right, place)
        if "0" in (one, other) and left[:place].rstrip("0")[-1:].isdigit():
            first, second = f"1{first}", f"1{second}"
        ours, theirs = (int(first or 0), len(first), one), (int(second or 0), len(second), other)
        return -1 if ours < theirs else 1
    return len(left) - len(right)


def _number_at(text: str, place: int) -> str:
    match = re.match(r"[0-9]*", text[place:])
    return match[0] if match else ""


_natural = functools.cmp_to_key(_compare)
