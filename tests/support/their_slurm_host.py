"""Makes a Slurm host what people have who ran the service before this project: sshd as Debian ships it, their sudoers.

Nothing that is ours is left on it, but for the users and Slurm itself.
"""

from __future__ import annotations

from tests.support.outside_hosts import SlurmHost
from tests.support.waiting import wait_for

WRAPPERS = "/srv/slurmspawner_wrappers/bin"

SUDOERS = f"""\
Defaults:jupyterspawner env_keep += "SLURMSPAWNER_JOB_ID JUPYTERHUB_* JPY_API_TOKEN USER HOME SHELL"
jupyterspawner ALL=(%jupyterusers) NOPASSWD: {WRAPPERS}/slurmspawner_sbatch
jupyterspawner ALL=(%jupyterusers) NOPASSWD: {WRAPPERS}/slurmspawner_squeue
jupyterspawner ALL=(%jupyterusers) NOPASSWD: {WRAPPERS}/slurmspawner_scancel
"""

COMMANDS = {
    "slurmspawner_sbatch": "/usr/bin/sbatch --parsable",
    "slurmspawner_squeue": '/usr/bin/squeue -h -j "$SLURMSPAWNER_JOB_ID" -o "%T %B"',
    "slurmspawner_scancel": '/usr/bin/scancel "$SLURMSPAWNER_JOB_ID"',
}

PROFILE = """\
export JUPYTERHUB_STRAY=stray JUPYTERHUB_API_URL=http://stray LANG=stray TZ=stray
export PATH="$HOME/bin:$PATH"
"""
"""The service account's own, of which no job may see anything."""

PREPARE = f"""
set -eu
s6-svc -wD -T 60000 -d /run/service/sshd
rm -f /etc/sudoers.d/brics
rm -rf /opt/slurmspawner_wrappers
usermod --home /home/jupyterspawner --shell /bin/bash jupyterspawner
install -d -o jupyterspawner -g jupyterspawner -m 0755 /home/jupyterspawner /home/jupyterspawner/.ssh {WRAPPERS}
install -m 0600 /etc/brics/ssh-host-key/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key
cp /etc/brics/ssh/authorized_keys /home/jupyterspawner/.ssh/authorized_keys
for file in .bashrc .profile .bash_profile; do cat /dev/stdin <<'END' >/home/jupyterspawner/$file
{PROFILE}END
done
chown -R jupyterspawner: /home/jupyterspawner
cat >/etc/sudoers.d/jupyter <<'END'
{SUDOERS}END
chmod 0440 /etc/sudoers.d/jupyter
visudo --check --strict --file /etc/sudoers.d/jupyter >&2
""" + "".join(
    f"printf '#!/bin/sh\\nexec %s\\n' '{command}' >{WRAPPERS}/{name}\nchmod 0755 {WRAPPERS}/{name}\n"
    for name, command in COMMANDS.items()
)


def make_theirs(host: SlurmHost) -> None:
    """Change a host of :func:`start_slurm` in place."""
    host.run("sh", "-c", PREPARE)
    # The file as the package has it, whose limits are sshd's own.
    host.run("sh", "-c", "cmp /etc/ssh/sshd_config /usr/share/openssh/sshd_config")
    limits = host.run("sh", "-c", "/usr/sbin/sshd -T | grep -E '^max(sessions|startups) '").split()
    assert limits == ["maxsessions", "10", "maxstartups", "10:30:100"], limits
    host.run("/usr/sbin/sshd", "-E", "/var/log/sshd.log")
    wait_for(host.is_ready, "the Slurm host takes jobs", interval_s=0.5)
