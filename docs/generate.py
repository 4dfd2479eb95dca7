"""Fill the generated tables of the documentation: ``python docs/generate.py``, after a change of what they show.

With ``--check`` it changes nothing, names the pages that are out of date, and exits with 1 if there are any.

A page has ``<!-- generated: NAME -->`` and ``<!-- end -->`` around a table; what is between them is replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

from invoke.collection import Collection  # noqa: E402 - tasks.py is found by then
from invoke.parser.argument import Argument  # noqa: E402

import tasks  # noqa: E402
from brics_envs.config.settings_table import settings_table  # noqa: E402
from brics_envs.config.versions import load_versions  # noqa: E402

BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings() -> Iterator[str]:
    """A row for each key of deploy.yaml."""
    yield from _table(
        ("Key", "Type", "Default", "In production", "Unit", "Bounds", "Meaning"),
        (
            (
                f"`{row.key}`",
                row.type,
                _code(row.default),
                _code(row.production),
                row.unit,
                row.bounds,
                row.description,
            )
            for row in settings_table()
        ),
    )


def commands() -> Iterator[str]:
    """A section for each task, with its options."""
    collection = Collection.from_module(tasks)
    for name in sorted(collection.task_names):
        task = collection[name]
        yield f"### invoke {name}\n"
        yield f"{(task.__doc__ or '').strip()}\n"
        arguments = task.get_arguments()
        if arguments:
            rows = ((_spelling(argument), argument.help or "") for argument in arguments)
            yield from _table(("Option", "Meaning"), rows)
            yield ""


def _spelling(argument: Argument) -> str:
    assert argument.name
    if argument.positional:
        return f"`{argument.name.upper()}`"
    value = "" if argument.kind is bool else f" {argument.name.rpartition('_')[2].upper()}"
    return f"`--{argument.name.replace('_', '-')}{value}`"


def versions() -> Iterator[str]:
    """A row for each version, image and URL of config/versions.yaml."""
    yield from _table(("Key of `config/versions.yaml`", "Value"), _leaves(load_versions(ROOT).model_dump()))


def _leaves(values: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"`{prefix}{key}`", f"`{value}`"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    for row in (head, ["---" for _ in head], *rows):
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    """``text`` in a table: no end of a cell, and no HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "commands": commands,
    "versions": versions,
}


def filled(page: str) -> str:
    """The text of a page with its tables as they are to be now.

    :raises KeyError: it asks for a table that there is not.
    """
    return BLOCK.sub(lambda found: found[1] + "\n".join(BLOCKS[found[2]]()).rstrip() + "\n" + found[3], page)


def pages() -> Iterator[Path]:
    """The pages that have generated tables."""
    return (page for page in sorted(DOCS.glob("*.md")) if BLOCK.search(page.read_text(encoding="utf-8")))


def main(arguments: list[str]) -> int:
    """Write the pages that are out of date, or name them."""
    # Made once: invoke forgets a task's help when it has told it.
    made = {page: filled(page.read_text(encoding="utf-8")) for page in pages()}
    stale = {page: text for page, text in made.items() if text != page.read_text(encoding="utf-8")}
    for page, text in stale.items():
        if "--check" in arguments:
            print(f"out of date: {page.relative_to(ROOT)}: run `python docs/generate.py`")
        else:
            page.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
