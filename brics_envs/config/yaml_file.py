"""Read a YAML mapping so that every problem can be told with its line. May import: errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from brics_envs.errors import ConfigError


@dataclass(frozen=True)
class YamlMapping:
    """The top-level mapping of a file: its values, and the line (from 1) of every key."""

    path: Path
    values: dict[str, object]
    lines: dict[str, int]

    def where(self, key: str) -> str:
        """``file:line`` of a key; just the file if the key is not in it."""
        return f"{self.path}:{self.lines[key]}" if key in self.lines else str(self.path)


def load_mapping(path: Path) -> YamlMapping:
    """Read a file that holds one YAML mapping with string keys; an empty file is an empty mapping.

    :raises ConfigError: unreadable, not YAML, not a mapping, or a key twice; with file and line.
    """
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text) or {}
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if node is None:
        return YamlMapping(path, {}, {})
    if not isinstance(node, yaml.MappingNode) or not isinstance(values, dict):
        raise ConfigError(f"{path}: expected `key: value` lines", hint="the README lists the keys")
    lines = _lines_of_keys(path, node)
    # By the keys as they are written: YAML takes `on` and `1` for something else than strings.
    if len(values) < len(lines):
        raise ConfigError(f"{path}: two keys mean the same: {', '.join(lines)}")
    return YamlMapping(path, dict(zip(lines, values.values(), strict=True)), lines)


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


def _lines_of_keys(path: Path, node: yaml.MappingNode) -> dict[str, int]:
    lines: dict[str, int] = {}
    for key_node, _ in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key_node.tag == "tag:yaml.org,2002:merge":
            raise ConfigError(f"{path}:{line}: {key}: merge keys are not read here")
        if not _is_text(key):
            raise ConfigError(f"{path}:{line}: not valid YAML: a key is no text")
        if key in lines:
            raise ConfigError(f"{path}:{line}: {key}: given twice, first in line {lines[key]}")
        lines[key] = line
    return lines
