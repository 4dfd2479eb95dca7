"""The reference of deployment settings, as data made from the model that checks them. May import: config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic.fields import FieldInfo

from brics_envs.config.deploy import DeploySettings, kind_of
from brics_envs.config.job_settings import PRODUCTION

BOUNDS = {
    "Ge": ("at least", "ge"),
    "Le": ("at most", "le"),
    "MinLen": ("at least", "min_length"),
    "MaxLen": ("at most", "max_length"),
}
"""Class of a constraint in pydantic's metadata (annotated_types) → words for it, and the attribute with the bound."""


@dataclass(frozen=True)
class SettingRow:
    """A setting as its reference shows it; what does not apply is empty. ``unit`` is that of value and bounds.

    :param production: the default in production if it is another one.
    """

    key: str
    type: str
    unit: str
    bounds: str
    default: str
    production: str
    description: str


def settings_table() -> tuple[SettingRow, ...]:
    """Every setting, in the model's order."""
    return tuple(_row(key, field) for key, field in DeploySettings.model_fields.items())


def _row(key: str, field: FieldInfo) -> SettingRow:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = field.get_default(call_default_factory=True)
    return SettingRow(
        key=key,
        type=kind_of(field).name,
        unit=str(extra.get("unit", "")),
        bounds=", ".join(_bounds(field)),
        default=_shown(default),
        production=_shown(extra.get(PRODUCTION)),
        description=field.description or "",
    )


def _shown(default: object) -> str:
    """A default as it is written in YAML; nothing if there is none."""
    if default in (None, {}, ()):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _bounds(field: FieldInfo) -> Iterator[str]:
    inside: list[Any] = [
        part for one in get_args(field.annotation) for part in getattr(one, "__metadata__", ())
    ]
    constraints = [part for one in (*field.metadata, *inside) for part in getattr(one, "metadata", [one])]
    for constraint in constraints:
        if type(constraint).__name__ in BOUNDS:
            words, attribute = BOUNDS[type(constraint).__name__]
            yield f"{words} {getattr(constraint, attribute)}"
