"""What invoke's own parser refuses: in the project's words, with what comes closest."""

import pytest

from brics_envs.errors import FAILED
from tests.support.generated_input import Commands


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("up", "--evn", "x"), "error: --evn: no such option of up\nhint: did you mean --env?\n"),
        (("up", "--rebuilt"), "error: --rebuilt: no such option of up\nhint: did you mean --rebuild?\n"),
        (("up", "--zzz"), "error: --zzz: no such option of up\nhint: `invoke --help up` lists them\n"),
        (("smok",), "error: smok: no such command\nhint: did you mean smoke?\n"),
        (("down", "everything"), "error: everything: no such command\nhint: `invoke --list` lists them\n"),
        (("--lst",), "error: --lst: no such option\nhint: did you mean --list?\n"),
        (("clone", "--repo"), "error: --repo: needs a value\n"),
    ],
)
def test_unknown_words(args: tuple[str, ...], words: str) -> None:
    ran = Commands().run(*args)
    assert (ran.status, ran.output, ran.errors) == (FAILED, "", words)
