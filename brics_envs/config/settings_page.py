"""The reference of deployment settings as a page of the documentation: ``python -m brics_envs.config.settings_page``.

May import: config.
"""

from __future__ import annotations

from pathlib import Path

from brics_envs.config.settings_table import SettingRow, settings_table

PAGE = Path(__file__).resolve().parents[2] / "docs/settings.md"

HEAD = """\
# Settings

Every key of `config/ENV/deploy.yaml`, of `deploy.local.yaml` beside it, and of a `--deploy-dir`'s `deploy.yaml` or
`deploy-configmap.yaml` (in the `data` of a ConfigMap, where every value is a string in quotes). What is wrong is
refused by key, file and line before anything is created. The next `up` puts a changed setting into force; running jobs
keep what they were started with.

Written by `python -m brics_envs.config.settings_page` from the code that checks them.

| Key | Type | Unit | Bounds | Default | In production | Means |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(row) for row in settings_table())


def _row(row: SettingRow) -> str:
    values = [f"`{value}`" if value else "" for value in (row.default, row.production)]
    cells = [f"`{row.key}`", row.type, row.unit, row.bounds, *values, row.description]
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
