"""The packages' tests reach neither podman nor Git nor the network."""

from tests.support.isolation import isolate, nothing_was_refused, without_traces

__all__ = ["nothing_was_refused", "without_traces"]

isolate()
