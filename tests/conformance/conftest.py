"""These tests compare with the same kubectl as those of pykustomize."""

from pykustomize.tests.conformance.conftest import kubectl

__all__ = ["kubectl"]
