"""The reference of the settings: every one is in it, described, and in the README."""

import re
from pathlib import Path

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.settings_table import SettingRow, settings_table

README = Path(__file__).resolve().parents[2] / "README.md"


def test_every_setting_has_a_type_and_a_description():
    assert [row.key for row in settings_table()] == list(DeploySettings.model_fields)
    assert all(row.type and row.description for row in settings_table())


def test_what_a_row_says():
    rows = {row.key: row for row in settings_table()}
    assert rows["sessionHours"] == SettingRow(
        "sessionHours",
        "number",
        "hours",
        "at least 0.001, at most 336",
        "12",
        DeploySettings.model_fields["sessionHours"].description,
    )
    assert (rows["dummyAuthPassword"].bounds, rows["dummyAuthPassword"].default) == ("at least 12", "")
    assert rows["slurmHostAliases"].default == ""


def test_the_readme_lists_every_setting_with_its_default():
    table = README.read_text().partition("| Key of deploy.yaml |")[2].partition("\n\n")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))
    assert listed.keys() == DeploySettings.model_fields.keys()
    for row in settings_table():
        assert row.default.removesuffix(".0") in listed[row.key], row
