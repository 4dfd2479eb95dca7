"""What a deployment sets: files in /etc/brics/deploy, one a key (the ConfigMap ``deploy-config``)."""

from importlib.metadata import entry_points
from pathlib import Path

DEPLOY = {file.name: file.read_text() for file in Path("/etc/brics/deploy").iterdir() if file.is_file()}
"""Key → value; a key that is not set is not there."""


def set_authenticator_traits(config, **values):
    """Set traits of the authenticator ``brics`` that its older versions do not have: those that this one has."""
    (authenticator,) = entry_points(group="jupyterhub.authenticators", name="brics")
    traits = authenticator.load().class_traits()
    for name, value in values.items():
        if name in traits:
            config.BricsAuthenticator[name] = value
