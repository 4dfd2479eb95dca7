"""Writing random values as block-style YAML."""

from __future__ import annotations

from typing import Any


class Block(str):
    """A text that is written as a block, ``|`` or ``>`` in its first line."""


def yaml_text(value: Any, indent: int = 0) -> str:
    """Block-style YAML. Strings are written as they are, so that a strategy chooses quotes and spelling."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_below(item, indent)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_below(item, indent)}" for item in value)
    return f"{pad}{_flat(value)}\n"


def _below(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + yaml_text(value, indent + 1)
    if isinstance(value, Block):
        style, *lines = value.split("\n")
        return f" {style}\n" + "".join(f"{'  ' * (indent + 1)}{line}\n" if line else "\n" for line in lines)
    return f" {_flat(value)}\n"


def _flat(value: Any) -> str:
    return "{}" if value == {} else "[]" if value == [] else str(value)


def block(text: str) -> str:
    """A ``|`` scalar, for a field at the indentation of list entries' fields."""
    return "|-\n" + "\n".join(f"      {line}" for line in text.rstrip("\n").split("\n"))
