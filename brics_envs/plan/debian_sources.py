"""Which Debian mirror local base images come from: the host's own; pure. May import: errors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from brics_envs.errors import EnvsError

MIRROR_VARIABLE = "BRICS_DEBIAN_MIRROR"
"""The environment variable that names a Debian mirror for hosts whose own apt configuration has none."""

FORMAT = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(SIGNED_BY)"
"""What ``apt-get indextargets --format`` is asked for: apt itself reads both formats of its configuration."""

POCKETS = ("", "-updates", "-security")
"""The parts of a Debian release, by what their names end in."""


@dataclass(frozen=True)
class Target:
    """One line of apt's answer: a component of a release at a mirror."""

    uri: str
    release: str
    component: str
    origin: str
    signed_by: str

    @property
    def is_debian(self) -> bool:
        """Whether this is Debian itself; before the first ``apt-get update`` apt does not know the origin."""
        if self.component != "main":
            return False
        if self.origin:
            return self.origin == "Debian"
        return "debian-archive-keyring" in self.signed_by or self.uri.rstrip("/").endswith(
            ("/debian", "/debian-security")
        )

    @property
    def pocket(self) -> str:
        """The one of :data:`POCKETS` that it belongs to; the release itself for anything else."""
        return next((pocket for pocket in POCKETS[1:] if self.release.endswith(pocket)), "")


def parse_targets(text: str) -> list[Target]:
    """The lines that apt printed in :data:`FORMAT`."""
    return [Target(*fields) for line in text.splitlines() if len(fields := line.split("|")) == 5]


def sources_for(suite: str, targets: list[Target], mirror: str) -> tuple[str, ...]:
    """Lines of sources.list(5) for a Debian release, from the mirrors that the host uses for its own.

    :param mirror: the value of :data:`MIRROR_VARIABLE`, or ``""``.
    :raises EnvsError: no mirror of Debian is known, or its address holds a password.
    """
    mirrors = {"": mirror, "-updates": mirror} if mirror else _mirrors(targets)
    if not mirrors.get(""):
        raise EnvsError(
            "this host's apt configuration names no Debian mirror, and local base images are made of Debian",
            hint=f"install debian-archive-keyring and name a mirror: {MIRROR_VARIABLE}=http://HOST/debian, "
            "or use --base registry",
        )
    for uri in mirrors.values():
        if urlsplit(uri).username is not None:
            raise EnvsError(
                "the Debian mirror's address holds a user name or password, which would end up in the images",
                hint=f"name one without: {MIRROR_VARIABLE}=http://HOST/debian",
            )
    return tuple(f"deb {uri} {suite}{pocket} main" for pocket, uri in mirrors.items())


def _mirrors(targets: list[Target]) -> dict[str, str]:
    mirrors: dict[str, str] = {}
    for target in targets:
        if target.is_debian and target.release.removesuffix(target.pocket):
            mirrors.setdefault(target.pocket, target.uri)
    return {pocket: mirrors[pocket] for pocket in POCKETS if pocket in mirrors}


@dataclass(frozen=True)
class DebianState:
    """A mirror's state: the date (RFC 3339, UTC) of its newest release file, and the digest of them all."""

    date: str
    digest: str


def debian_state(releases: bytes) -> DebianState:
    """The state that signed release files tell: those of a release, its updates and its security updates.

    Each has a field ``Date:`` (Debian's repository format). There are no dated mirrors that all machines can reach, so
    that this is written down, in order to say later what an image was made of; no date: an empty one.
    """
    dates = [
        parsed.astimezone(UTC)
        for line in releases.decode(errors="replace").splitlines()
        if line.startswith("Date:") and (parsed := _date(line.removeprefix("Date:").strip()))
    ]
    date = max(dates).strftime("%Y-%m-%dT%H:%M:%SZ") if dates else ""
    return DebianState(date, f"sha256:{hashlib.sha256(releases).hexdigest()}")


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.replace("UTC", "+0000"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
