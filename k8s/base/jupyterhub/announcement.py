"""A text for everybody, on every page of the hub: a file that is read whenever a page is made."""

from __future__ import annotations

from pathlib import Path

from tornado.escape import linkify


class Announcement:
    """What JupyterHub's pages show as ``announcement``: the file's text, as plain text in which URLs are links.

    The file may change, come and go at any time; without it, or if it is empty, pages show nothing.
    """

    def __init__(self, file: str | Path) -> None:
        self._file = Path(file)

    def text(self) -> str:
        """The text as it is now; empty if there is none."""
        try:
            return self._file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def __bool__(self) -> bool:
        return bool(self.text())

    def __html__(self) -> str:
        """HTML without anything of the text's own, for Jinja2's ``safe``."""
        linked = linkify(self.text(), extra_params='rel="noopener noreferrer"', require_protocol=True)
        return linked.replace("\n", "<br>\n")
