"""The form that starts a server, as HTML. Imports: names, options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from bricsauthenticator.names import Project
from bricsauthenticator.options import FIELDS, Limits, clock

MAX_VALUE = 100
"""Longest earlier input that is shown again, characters."""


def render(projects: Mapping[str, Project], limits: Limits, earlier: Mapping[str, object]) -> str:
    """The fields of the form, without the form element, which is JupyterHub's.

    :param earlier: what the user asked for last time, or just now in vain: shown again. Untrusted.
    """
    values = {
        "brics_project": next(iter(projects), ""),
        "runtime": limits.default_runtime,
        "ngpus": str(limits.default_ngpus),
        "partition": limits.default_partition,
        "reservation": "",
    }
    values |= {name: text for name in FIELDS if (text := _shown(earlier.get(name)))}
    return _template().render(
        projects=list(projects.values()), limits=limits, max_runtime=clock(limits.max_runtime), values=values
    )


def _shown(value: object) -> str:
    """A value as text for an input field; nothing if it is not one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_VALUE:
        return ""
    return "".join(char if char.isprintable() else " " for char in value)


@cache
def _template() -> Template:
    source = resources.files("bricsauthenticator").joinpath("options_form.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
