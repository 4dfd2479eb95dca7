"""Unit tests reach neither podman nor Git nor the network."""

from tests.support.isolation import isolate, nothing_was_refused, pytest_unconfigure

__all__ = ["nothing_was_refused", "pytest_unconfigure"]

isolate()
