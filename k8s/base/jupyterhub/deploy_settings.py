"""What a deployment sets: files in /etc/brics/deploy, one a key (the ConfigMap ``deploy-config``)."""

from pathlib import Path

DEPLOY = {file.name: file.read_text() for file in Path("/etc/brics/deploy").iterdir() if file.is_file()}
"""Key → value; a key that is not set is not there."""
