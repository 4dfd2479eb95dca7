"""Documents that kustomize has sent through JSON: their scalars lose how they were written."""

from __future__ import annotations

import io
import re

from yaml.emitter import Emitter

from pykustomize.errors import KustomizeError
from pykustomize.nodes import BOOL, FLOAT, INT, NULL, STR, Node, Scalar
from pykustomize.scalars import number_text, tag_of, value_of
from pykustomize.texts import refuse_unwritable


def through_json(node: Node, where: object, *, floats: bool) -> Node:
    """The node as it comes back: strings in quotes only where YAML needs them, times as strings, numbers shortened.

    :param floats: numbers are written as YAML writes floats (``1e+06``), otherwise as JSON does (``1000000``).
    :raises KustomizeError: there is a number that JSON does not know.
    """
    if isinstance(node, dict):
        return {key: through_json(value, where, floats=floats) for key, value in node.items()}
    if isinstance(node, list):
        return [through_json(value, where, floats=floats) for value in node]
    try:
        value = value_of(node)
    except ValueError as error:
        raise KustomizeError(where, str(error)) from error
    if isinstance(value, bool):
        return Scalar("true" if value else "false", BOOL)
    if isinstance(value, int | float):
        text = number_text(float(value)) if floats else re.sub(r"e-0(\d)$", r"e-\1", repr(value))
        return Scalar(text, FLOAT if "e" in text or "." in text else INT)
    if value is not None and floats:
        refuse_unwritable(value, where)
    if value is None:
        return Scalar("null", NULL)
    if floats and "\n" in value:
        return Scalar(value, STR, "|")
    return Scalar(value, STR, '"' if _needs_quotes(value) else "")


def _needs_quotes(text: str) -> bool:
    analysis = Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(text)
    if analysis.multiline or not analysis.allow_block_plain:
        return True
    return tag_of(text, legacy=True) != STR or tag_of(text) != STR
