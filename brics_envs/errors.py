"""The one exception that users see. Imports nothing of the project."""

from __future__ import annotations

FAILED = 1
"""Exit status: something failed while it was being done."""

BAD_INPUT = 2
"""Exit status: a bad value or configuration, found before anything was created."""


class EnvsError(Exception):
    """A failure that a user can cause or fix; shown as ``error: …`` without a traceback.

    :param message: what is wrong; may have several lines.
    :param hint: what to do about it, one sentence, or ``""``.
    :param exit_status: :data:`FAILED` or :data:`BAD_INPUT`.
    """

    def __init__(self, message: str, *, hint: str = "", exit_status: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_status = exit_status

    def __str__(self) -> str:
        """The text for standard error, hint included."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class ConfigError(EnvsError):
    """A bad value or configuration. Its exit status is 2; nothing was created."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, exit_status=BAD_INPUT)
