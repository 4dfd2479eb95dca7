"""Read a Kubernetes ConfigMap's manifest from a file of the user's. May import: errors, config.yaml_file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from brics_envs.config.yaml_file import YamlMapping, load_mapping


class _Metadata(BaseModel):
    """Labels, annotations and the like are the user's business."""

    name: str


class _ConfigMap(BaseModel):
    """What Kubernetes knows (core/v1, ConfigMap), but for binaryData."""

    model_config = ConfigDict(extra="forbid")

    # Podman does not look at it, and there are files that say core/v1.
    apiVersion: Literal["v1", "core/v1"]
    kind: Literal["ConfigMap"]
    metadata: _Metadata
    data: dict[Any, Any] | None = None
    immutable: StrictBool | None = None


def read_config_map(path: Path, name: str) -> tuple[YamlMapping, list[str]]:
    """The data of a ConfigMap's manifest, and what is wrong with the rest of it, each with file and line.

    :param name: the name that it must have.
    :returns: the data, empty if there are none; values that are no strings are in it as they are.
    :raises ConfigError: as :func:`load_mapping`.
    """
    file = load_mapping(path)
    problems = []
    try:
        _ConfigMap.model_validate(file.values)
    except ValidationError as error:
        for one in error.errors():
            keys = [str(key) for key in one["loc"]]
            text = {"missing": "needed", "extra_forbidden": "unknown field"}
            problems.append(f"{file.where(keys[0])}: {'.'.join(keys)}: {text.get(one['type'], one['msg'])}")
    metadata = file.nested("metadata")
    if metadata.values.get("name", name) != name:
        problems.append(f"{metadata.where('name')}: metadata.name: must be {name}")
    return file.nested("data"), problems
