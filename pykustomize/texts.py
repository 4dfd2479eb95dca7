"""Strings that kustomize itself writes into documents: labels, annotations, the data of ConfigMaps."""

from __future__ import annotations

import re

from pykustomize.errors import KustomizeError
from pykustomize.nodes import STR, Mapping, Scalar
from pykustomize.reader import read_documents
from pykustomize.scalars import tag_of

_WORD = re.compile(r"[A-Za-z0-9_/][-A-Za-z0-9_./@+=]*")


def string(text: str) -> Scalar:
    """A string: quoted if it is several lines or would be something else to a reader of YAML 1.1.

    It matters when a patch puts a number in its place: in quotes that becomes a string, too.

    :raises KustomizeError: kubectl could not read again what it would write.
    """
    refuse_unwritable(text, "a text")
    if "\n" in text:
        return Scalar(text, STR, "|")
    return Scalar(text, STR, "" if text == "" or _is_plain(text) else '"')


def refuse_unwritable(text: str, where: object) -> None:
    """Refuse several lines of which the first begins with a tab: a block that kubectl writes and cannot read again.

    :raises KustomizeError: it is such a text.
    """
    if text.startswith("\t") and "\n" in text:
        raise KustomizeError(
            where, f"{text[:20]!r}…: kubectl cannot write several lines that begin with a tab"
        )


def string_mapping(values: dict[str, str]) -> Mapping:
    """Strings by their sorted keys."""
    return {key: string(values[key]) for key in sorted(values)}


def _is_plain(text: str) -> bool:
    if _WORD.fullmatch(text):
        return tag_of(text, legacy=True) == STR
    try:
        documents = read_documents(text, "a string", legacy=True)
    except KustomizeError:
        return True
    return len(documents) == 1 and isinstance(documents[0], Scalar) and documents[0].tag == STR
