"""What users see of an error, and with which status the command ends."""

import pytest

from brics_envs.errors import BAD_INPUT, FAILED, ConfigError, EnvsError


@pytest.mark.parametrize(
    ("error", "text", "status"),
    [
        (EnvsError("podman is missing"), "podman is missing", FAILED),
        (EnvsError("port 8000 is taken", hint="use --port"), "port 8000 is taken\nhint: use --port", FAILED),
        (ConfigError("a.yaml:3: unknown key b"), "a.yaml:3: unknown key b", BAD_INPUT),
        (ConfigError("bad", hint="good"), "bad\nhint: good", BAD_INPUT),
    ],
)
def test_text_and_exit_status(error: EnvsError, text: str, status: int) -> None:
    assert str(error) == text
    assert error.exit_status == status


def test_the_contract_of_the_exit_statuses() -> None:
    assert (FAILED, BAD_INPUT) == (1, 2)


def test_a_bad_configuration_is_caught_with_the_others() -> None:
    with pytest.raises(EnvsError):
        raise ConfigError("bad")
