"""The reference of the settings: every one is in it, and described."""

from pathlib import Path

import yaml

from brics_envs.config.cluster_settings import SLURM_SETTINGS
from brics_envs.config.deploy import DeploySettings
from brics_envs.config.settings_table import SettingRow, settings_table

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_has_a_type_and_a_description() -> None:
    assert [row.key for row in settings_table()] == list(DeploySettings.model_fields)
    assert all(row.type and row.description for row in settings_table())


def test_what_a_row_says() -> None:
    rows = {row.key: row for row in settings_table()}
    assert rows["sessionHours"] == SettingRow(
        "sessionHours",
        "number",
        "hours",
        "at least 0.001, at most 336",
        "12",
        "",
        DeploySettings.model_fields["sessionHours"].description or "",
    )
    assert (rows["dummyAuthPassword"].bounds, rows["dummyAuthPassword"].default) == ("at least 12", "")
    assert rows["slurmHostAliases"].default == ""
    polls = rows["pollSeconds"]
    assert (polls.unit, polls.bounds) == ("seconds", "at least 1, at most 3600")
    assert (polls.default, polls.production) == ("30", "60")
    assert (rows["jobSrun"].default, rows["jobSrun"].production) == ("false", "")


def test_a_cluster_has_productions_defaults() -> None:
    kustomization = yaml.safe_load((ROOT / "k8s/components/cluster/kustomization.yaml").read_text())
    (literals,) = (
        one["literals"] for one in kustomization["configMapGenerator"] if one["name"] == "deploy-config"
    )
    there = dict(literal.split("=", 1) for literal in literals)
    defaults = DeploySettings().for_production().public()
    defaults = {key: value for key, value in defaults.items() if key not in SLURM_SETTINGS}
    assert there.keys() - {"oidcServer"} == defaults.keys()
    own = {"hubConnectUrl", "sshHostname"}
    assert {key: there[key] for key in defaults.keys() - own} == {
        key: defaults[key] for key in defaults.keys() - own
    }
