"""Opens the tunnel that Zenith's client opens, told by its environment and configuration file.

Runs in a container of the test's own image, in place of ghcr.io/azimuth-cloud/zenith-client.
"""

import os
import re
from pathlib import Path

import yaml

PREFIX = "ZENITH_CLIENT__"

written = yaml.safe_load(Path(os.environ["ZENITH_CLIENT_CONFIG"]).read_text())
# In camelCase too, as the real client takes them.
settings = {re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower(): value for name, value in written.items()}
# Variables count before the file, as with the real client.
settings |= {n.removeprefix(PREFIX).lower(): value for n, value in os.environ.items() if n.startswith(PREFIX)}
# A copy that is the user's own, as the real client makes it.
key = Path("/tmp/key")  # noqa: S108
key.write_bytes(Path(settings["ssh_identity_path"]).read_bytes())
key.chmod(0o600)
command = [
    *("ssh", "-N", "-i", str(key), "-p", str(settings.get("server_port", 22))),
    *(
        "-oExitOnForwardFailure=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oBatchMode=yes",
    ),
    *("-R", f"0.0.0.0:9000:{settings['forward_to_host']}:{settings['forward_to_port']}"),
    f"zenith@{settings['server_address']}",
]
os.execvp("ssh", command)  # noqa: S606
