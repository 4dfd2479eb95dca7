"""What a plain scalar means to kubectl's two YAML libraries."""

from __future__ import annotations

import pytest

from pykustomize.nodes import UNTAGGED, Scalar
from pykustomize.scalars import number_text, tag_of, untyped, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text", "text"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("nUll", "nUll"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", -31),
        ("0b11", 3),
        ("08", 8),
        ("1_000", 1000),
        ("1_", 1),
        ("_1", "_1"),
        ("+5", 5),
        ("-0", 0),
        ("1e3", 1000),
        ("1.0", 1),
        (".5", 0.5),
        ("._5", "._5"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("1e21", 1e21),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709552000.0),
        ("-9223372036854775808", -9223372036854775808),
        ("2020-01-02", "2020-01-02T00:00:00Z"),
        ("2020-1-2 3:4:5", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.120+01:00", "2020-01-02T03:04:05.12+01:00"),
        ("2020-13-01", "2020-13-01"),
        ("12:30:45", "12:30:45"),
        ("=", "="),
    ],
)
def test_manifests(text: str, value: object) -> None:
    """Manifests are read as YAML 1.2, more or less."""
    found = value_of(Scalar(text, tag_of(text)))
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("yes", "!!bool"),
        ("off", "!!bool"),
        ("n", "!!bool"),
        ("2020-01-02", "!!str"),
        ("010", "!!int"),
        ("a", "!!str"),
    ],
)
def test_kustomization_files(text: str, tag: str) -> None:
    """Kustomization files and JSON patches are read as YAML 1.1."""
    assert tag_of(text, legacy=True) == tag


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan"])
def test_what_json_does_not_know(text: str) -> None:
    """There is no infinity in JSON."""
    with pytest.raises(ValueError, match="JSON"):
        value_of(Scalar(text, tag_of(text)))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (80.0, "80"),
        (-1.5, "-1.5"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (-1234567.0, "-1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
    ],
)
def test_number_text(number: float, text: str) -> None:
    """Numbers after a JSON patch."""
    assert number_text(number) == text


def test_untyped_keeps_quotes() -> None:
    """A text in quotes is a string whatever it looks like."""
    assert value_of(untyped(Scalar("a", style='"'), "1")) == "1"
    assert value_of(untyped(Scalar("a"), "1")) == 1
    assert untyped(None, "a") == Scalar("a", UNTAGGED)
