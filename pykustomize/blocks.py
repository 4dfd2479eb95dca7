"""What becomes of text in blocks (``|`` and ``>``): kubectl writes each document with go-yaml and reads that again.

go-yaml's emitter (``yaml_emitter_write_folded_scalar``) doubles the line breaks of folded text, but decides for each of
them by how the whole text begins, where YAML 1.2 (8.1.3) goes by the line that follows. It gives no indentation to text
that begins with a tab, which its own scanner then refuses.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from pykustomize.errors import KustomizeError
from pykustomize.nodes import Node, Scalar

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read_again(text: str, style: str) -> str:
    """The text after kubectl has written it and read it again.

    :param style: the scalar's style, see :class:`.nodes.Scalar`; several plain lines are written as ``|``.
    :raises ValueError: kubectl cannot read it.
    """
    if style not in ("|", ">") and (style or "\n" not in text):
        return text
    if not text or not _stays_block(text):
        return text
    if text.lstrip("\n").startswith("\t"):
        raise ValueError(f"kubectl cannot read {text[:20]!r}… in a block, since it begins with a tab")
    if style != ">" or "\n" not in text:
        return text
    events: list[Any] = list(yaml.parse(f"k: {_written_folded(text)}", Loader=_LOADER))
    return str(events[4].value)


def refuse_unstable(new: Node, old: Node | None, where: object) -> None:
    """Refuse folded text that would come to a new place: between braces kubectl does not change it, elsewhere it does.

    :param old: what is there; a scalar there keeps its own style.
    :raises KustomizeError: there is such a text.
    """
    if isinstance(new, dict):
        for key, value in new.items():
            refuse_unstable(value, old.get(key) if isinstance(old, dict) else None, where)
    elif isinstance(new, list):
        for value in new:
            refuse_unstable(value, None, where)
    elif new.style == ">" and not isinstance(old, Scalar) and not _is_stable(new.text):
        raise KustomizeError(
            where, f"the folded text {new.text[:20]!r}… is not supported here: write it with '|'"
        )


def _is_stable(folded: str) -> bool:
    try:
        return read_again(folded, ">") == folded
    except ValueError:
        return False


def is_open_ended(text: str) -> bool:
    """Whether the text ends in empty lines."""
    return text == "\n" or text.endswith("\n\n")


def _stays_block(text: str) -> bool:
    """Whether go-yaml keeps to the style; where it cannot it writes double quotes, which change nothing."""
    return " \n" not in text and not text.endswith(" ") and not _UNPRINTABLE.search(text)


def _written_folded(text: str) -> str:
    """As go-yaml's emitter writes it in a field."""
    hint = "2" if text[0] in " \n" else ""
    chomp = "+" if is_open_ended(text) else "" if text.endswith("\n") else "-"
    doubles = text.lstrip("\n")[:1] not in ("", " ", "\t")
    out: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        body = line.rstrip("\n")
        # Behind an ordinary line one break is a blank, so it takes two for one.
        doubled = doubles and body and body[0] not in " \t" and line != body
        out.append((f"  {body}" if body else "") + line[len(body) :] + ("\n" if doubled else ""))
    return f">{hint}{chomp}\n{''.join(out)}" + ("" if text.endswith("\n") else "\n")
