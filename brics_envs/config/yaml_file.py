"""Read a YAML mapping so that every problem can be told with its line. May import: errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from brics_envs.errors import ConfigError


@dataclass(frozen=True)
class YamlMapping:
    """A mapping of a file: its values, and the line (from 1) of every key.

    :param nodes: key → its value as it is written.
    :param text: the whole file.
    """

    path: Path
    values: dict[str, object]
    lines: dict[str, int]
    nodes: dict[str, yaml.Node] = field(repr=False)
    text: str = field(repr=False)

    def where(self, key: str, word: str = "") -> str:
        """``file:line`` of a key, or of a word in its value; just the file if the key is not in it."""
        if key not in self.lines:
            return str(self.path)
        return f"{self.path}:{self._line_of(key, word) or self.lines[key]}"

    def nested(self, key: str) -> YamlMapping:
        """The mapping that is a key's value; an empty one if it is none.

        :raises ConfigError: as :func:`load_mapping`.
        """
        node = self.nodes.get(key)
        return _mapping(self.path, self.text, node if isinstance(node, yaml.MappingNode) else None)

    def _line_of(self, key: str, word: str) -> int:
        """The line in which a value has a word; 0 if the word is not written as such."""
        node = self.nodes[key]
        first, last = node.start_mark.line, node.end_mark.line
        lines = enumerate(self.text.splitlines()[first : last + 1], start=first + 1)
        return next((number for number, line in lines if word in re.split(r"[\s\"']+", line)), 0)


def load_mapping(path: Path) -> YamlMapping:
    """Read a file that holds one YAML mapping with string keys; an empty file is an empty mapping.

    :raises ConfigError: unreadable, not YAML, not a mapping, or a key twice; with file and line.
    """
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        # What the values are made of may be wrong as well.
        yaml.safe_load(text)
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}: expected `key: value` lines", hint="docs/configuration.md lists the keys")
    return _mapping(path, text, node)


def read_text(path: Path) -> str:
    """The text of a configuration file.

    :raises ConfigError: missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: byte {error.start} cannot be read") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _is_text(key: str) -> bool:
    """Whether it can be written: YAML's escapes can name halves of characters."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mapping(path: Path, text: str, node: yaml.MappingNode | None) -> YamlMapping:
    if node is None:
        return YamlMapping(path, {}, {}, {}, text)
    lines = _lines_of_keys(path, node)
    values = yaml.SafeLoader("").construct_document(node)
    # By the keys as they are written: YAML takes `on` and `1` for something else than strings.
    if len(values) < len(lines):
        raise ConfigError(f"{path}: two keys have the same meaning: {', '.join(lines)}")
    nodes = (value for _, value in node.value)
    return YamlMapping(
        path,
        dict(zip(lines, values.values(), strict=True)),
        lines,
        dict(zip(lines, nodes, strict=True)),
        text,
    )


def _lines_of_keys(path: Path, node: yaml.MappingNode) -> dict[str, int]:
    lines: dict[str, int] = {}
    for key_node, _ in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key_node.tag == "tag:yaml.org,2002:merge":
            raise ConfigError(f"{path}:{line}: {key}: merge keys are not supported")
        if not _is_text(key):
            raise ConfigError(f"{path}:{line}: not valid YAML: a key is not text")
        if key in lines:
            raise ConfigError(f"{path}:{line}: {key}: given twice, first in line {lines[key]}")
        lines[key] = line
    return lines
