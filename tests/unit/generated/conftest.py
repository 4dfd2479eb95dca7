"""Generated bad inputs; their seed is printed."""

from tests.support.generated_input import chance

__all__ = ["chance"]
