"""What a deployment sets: files in /etc/brics/deploy, one a key (the ConfigMap ``deploy-config``)."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from traitlets.config import Config

DEPLOY = {file.name: file.read_text() for file in Path("/etc/brics/deploy").iterdir() if file.is_file()}
"""Key → value; a key that is not set is not there."""


def set_authenticator_traits(config: Config, **values: object) -> None:
    """Set traits of the authenticator ``brics`` that its older versions do not have: those that this one has."""
    _set_traits(config.BricsAuthenticator, "jupyterhub.authenticators", values)


def set_spawner_traits(config: Config, **values: object) -> None:
    """Set traits of the spawner ``brics`` that the built-in one has: those that this one has, too."""
    _set_traits(config.BricsSlurmSpawner, "jupyterhub.spawners", values)


def spawner_has(name: str) -> bool:
    """Whether the spawner ``brics`` has a trait of that name."""
    return any(
        name in found.load().class_traits()
        for found in entry_points(group="jupyterhub.spawners", name="brics")
    )


def spawner_default(name: str) -> str:
    """What a text trait of the spawner ``brics`` is unless it is set; empty if there is no such trait."""
    found = (each.load().class_traits() for each in entry_points(group="jupyterhub.spawners", name="brics"))
    return next((str(traits[name].default_value) for traits in found if name in traits), "")


def _set_traits(section: Config, group: str, values: Mapping[str, object]) -> None:
    for found in entry_points(group=group, name="brics"):
        traits = found.load().class_traits()
        section.update({name: value for name, value in values.items() if name in traits})
