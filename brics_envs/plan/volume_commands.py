"""podman's arguments that copy the contents of volumes. Pure. May import: nothing of the project.

``podman volume export`` and ``import`` are for a podman on this machine. With one elsewhere a container does it, of an
image that is there; it sees nothing but the volume.
"""

from __future__ import annotations

CONFINED = ("run", "--rm", "--network=none", "--user=0", "--read-only", "--cap-drop=all")
NO_MORE = "--security-opt=no-new-privileges"


def import_arguments(volume: str, image: str) -> tuple[str, ...]:
    """Unpack a tar archive, which comes on standard input, in a volume.

    :param image: one with tar; empty: podman is on this machine.
    """
    if not image:
        return ("volume", "import", volume, "-")
    writes = ("--cap-add=chown,dac_override,fowner", NO_MORE, "--interactive", f"--volume={volume}:/volume")
    tar = (
        "--extract",
        "--file=-",
        "--directory=/volume",
        "--numeric-owner",
        "--same-owner",
        "--preserve-permissions",
    )
    return (*CONFINED, *writes, "--entrypoint=tar", image, *tar)


def export_arguments(volume: str, image: str) -> tuple[str, ...]:
    """Write a tar archive of a volume to standard output, with a podman elsewhere.

    :param image: one with tar.
    """
    reads = ("--cap-add=dac_read_search", NO_MORE, f"--volume={volume}:/volume:ro")
    return (
        *CONFINED,
        *reads,
        "--entrypoint=tar",
        image,
        "--create",
        "--file=-",
        "--directory=/volume",
        "--numeric-owner",
        ".",
    )
