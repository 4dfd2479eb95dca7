"""A checkout with bootstrap in it, on a machine that a test makes up from scripts."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.checkout import PROJECT

ALL_PROGRAMS = (
    *("runc", "crun", "conmon", "netavark", "aardvark-dns", "catatonit", "nft", "mmdebstrap", "git"),
    *("newuidmap", "pasta"),
)


PYTHON = """\
[ "$2" = venv ] || exit 0
echo "venv $*" >> LOG
directory=${!#}/bin
mkdir -p "$directory"
cat > "$directory/python" <<'EOF'
#!/bin/bash
[ "$3" != install ] || { echo "pip $*" >> LOG; exit PIP_STATUS; }
EOF
chmod +x "$directory/python"
"""
"""Plays python3, and makes an environment whose python plays pip."""


BOOKWORM = """\
http://mirror.test/debian/|bookworm|bookworm|/keys/debian.gpg|main
http://mirror.test/debian/|bookworm-updates|bookworm-updates|/keys/debian.gpg|main
http://mirror.test/security/|bookworm-security|bookworm-security|/keys/debian.gpg|main
http://other.test/tools/|stable|tools||main
http://mirror.test/debian/|bookworm|bookworm|/keys/debian.gpg|contrib
"""


class Machine:
    """A checkout with bootstrap in it, on a machine that the test describes."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path
        self.root = tmp_path / "checkout"
        self.bin = tmp_path / "bin"
        self.log = tmp_path / "log"
        self.log.touch()
        self.functions = {
            "id": 'if [ "$1" = -u ]; then echo 0; else echo root; fi',
            "uname": 'if [ "$1" = -s ]; then echo Linux; else echo 6.12.1; fi',
            "release": 'echo "debian 13"',
            "have_package_lists": "true",
            "find_program": 'command -v "$1"',
            "certificates_fact": "fact ok certificates here base ca-certificates",
        }
        (self.root / "requirements").mkdir(parents=True)
        (self.root / "requirements/project.txt").write_text("invoke==1 --hash=sha256:00\n")
        shutil.copy(PROJECT / "bootstrap", self.root)
        self.bin.mkdir()
        for name in ALL_PROGRAMS:
            self.program(name, "exit 0")
        self.program("podman", "echo podman version 5.4.2")
        self.program("sudo", f'echo "sudo $*" >> {self.log}; [ "$1" = -n ] || exec "$@"')
        self.program(
            "apt-get",
            f'case $* in *indextargets*) cat {tmp_path}/targets;; *) echo "apt-get $*" >> {self.log};; esac',
        )
        self.targets = tmp_path / "targets"
        self.targets.write_text(BOOKWORM)
        self.python(pip_status=0)

    def python(self, *, pip_status: int) -> None:
        self.program("python3", PYTHON.replace("LOG", str(self.log)).replace("PIP_STATUS", str(pip_status)))

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def without(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def installing(self, *names: str) -> None:
        """Let apt-get make these programs appear."""
        made = "; ".join(
            f"printf '#!/bin/sh\\n' > {self.bin}/{name}; chmod +x {self.bin}/{name}" for name in names
        )
        self.program(
            "apt-get",
            f"case $* in *indextargets*) cat {self.targets}; exit;; esac; "
            f'echo "apt-get $*" >> {self.log}; case $* in *install*) {made};; esac',
        )

    def call(
        self, script: str, *, stdin: int = subprocess.DEVNULL, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        functions = "\n".join(f"{name}() {{ {body}\n}}" for name, body in self.functions.items())
        harmless = os.environ["PATH"]
        return subprocess.run(
            ["bash", "-c", f"source {self.root}/bootstrap\n{functions}\n{script}"],
            check=False,
            capture_output=True,
            text=True,
            stdin=stdin,
            timeout=30,
            env={"PATH": f"{self.bin}:{harmless}", "HOME": str(self.home), **environment},
        )

    def run(
        self, *args: object, stdin: int = subprocess.DEVNULL, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.call(" ".join(["main", *map(str, args)]), stdin=stdin, **environment)

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines()
