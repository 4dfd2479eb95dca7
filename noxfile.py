"""Test sessions. Only shells out; the checks themselves are the tools' and the tests'.

``nox`` runs every session but ``full`` and ``bench``, ``nox -s NAME`` one of them, ``nox -s NAME -- ARGS`` hands ARGS
to its tool.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nox
import nox.command

nox.needs_version = ">=2025.5.1"
# One environment for all sessions, .venv: making one for each would cost more than most sessions do. The tests' lock
# holds the very versions of the project's lock, so it only adds to what is there.
nox.options.default_venv_backend = "none"

# `.venv/bin/nox` finds the environment's programs without its having been activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])

ROOT = Path(__file__).parent
LOCK = ROOT / "requirements/tests.txt"
TRIXIE_PIN = Path("/etc/apt/preferences.d/brics-jupyterhub-envs-trixie")
"""There if bootstrap has taken podman from Debian 13 on a Debian 12."""

STAMP = Path(sys.prefix) / "tests-made-from.txt"


def install(session: nox.Session) -> None:
    """Add the tests' lock to the environment, unless that very lock is there."""
    if sys.prefix == sys.base_prefix:
        session.error("nox runs in the project's environment: ./bootstrap nox")
    if STAMP.is_file() and STAMP.read_text() == LOCK.read_text():
        return
    STAMP.unlink(missing_ok=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--quiet", "--no-input", "--disable-pip-version-check"]
    session.run(*pip, "install", "--require-hashes", "--requirement", str(LOCK))
    STAMP.write_text(LOCK.read_text())


def install_eslint(session: nox.Session) -> None:
    """Install ESLint beside the environment, unless that very lock's is there."""
    source, target = ROOT / "requirements/javascript", Path(sys.prefix) / "javascript"
    names = ["package.json", "package-lock.json", "eslint.config.js"]
    if all((target / name).is_file() and filecmp.cmp(source / name, target / name, False) for name in names):
        return
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in names[:2]:
        shutil.copy(source / name, target)
    session.run("npm", "ci", "--prefix", str(target), "--no-fund", "--no-audit", "--loglevel=error")
    shutil.copy(source / names[2], target)


CLEAR_UP_S = 50.0
"""Seconds in which interrupted tests can take their pods down before nox kills them; its default is under one."""


COVERAGE = ROOT / "_coverage"
"""Has a folder for each session that was measured, with a file for each process."""


def measure(session: nox.Session) -> None:
    """Have what the session starts note which lines of the project's own code it runs, if :func:`coverage` is to come.

    On its own a session is quicker without: the unit tests take a quarter longer.
    """
    # Not with chromium: playwright's greenlets are more than the measuring is told of.
    if "coverage" not in session._runner.manifest or session.name == "browser":
        return
    folder = COVERAGE / session.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Read when Python starts, by a file that coverage has in the environment.
    session.env["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
    session.env["COVERAGE_FILE"] = str(folder / "data")


def run_pytest(session: nox.Session, *where: str, options: tuple[str, ...] = ()) -> None:
    """Run pytest on ``where``, or on the files that the command line names instead."""
    install(session)
    measure(session)
    named = [arg for arg in session.posargs if Path(arg.partition("::")[0]).exists()]
    arguments = (*options, *([] if named else where), *session.posargs)
    session.run("pytest", *arguments, interrupt_timeout=CLEAR_UP_S)


DURATIONS = "--durations=15"
"""What starts many processes waits for them: the log tells where the time goes."""


def at_once(processes: int) -> tuple[str, ...]:
    """Return pytest's options for so many processes; tests of one file share a process, and what the file sets up."""
    return (f"--numprocesses={processes}", "--dist=loadfile")


CPUS = min(os.cpu_count() or 1, 8)


def files_of_project(session: nox.Session) -> list[Path]:
    """Return every file that Git tracks or would track, relative to the project's root."""
    # The checkout may belong to another user than root, who runs the tests.
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = session.run(*git, "--cached", "--others", "--exclude-standard", silent=True, log=False)
    assert isinstance(listed, str)
    return [path for path in map(Path, listed.split("\0")) if path.is_file()]


def is_shell_script(path: Path) -> bool:
    """Say whether the file's first line names sh or bash."""
    with path.open("rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split()[-1].endswith((b"/sh", b"bash"))


@dataclass(frozen=True)
class Checked:
    """What is checked: the files that the command line names, or else all of the project's."""

    project: list[Path]
    named: list[Path]

    def tree(self) -> list[str]:
        """Return what a tool is given that finds files by itself."""
        return [str(path) for path in self.named or [Path()]]

    def files(self, wanted: Callable[[Path], bool] = Path.is_file) -> list[str]:
        """Return the wanted files, for a tool that does not."""
        return [str(path) for path in self.named or self.project if wanted(path)]

    def typed(self) -> list[str]:
        """Return where there is Python, but for the tests of packages; always all: types reach across files."""
        places = {path.parts[0] for path in self.project if path.suffix == ".py"} - {"packages"}
        return [*sorted(places), *map(str, sorted(Path("packages").glob("*/src")))]


def is_containerfile(path: Path) -> bool:
    """Say whether an image is built from the file."""
    return path.name.startswith("Containerfile")


HELPERS = "packages/bricsauthenticator/tests"

LINTERS: dict[str, Callable[[Checked], list[str]]] = {
    "ruff check": lambda checked: ["ruff", "check", *checked.tree()],
    "ruff format": lambda checked: ["ruff", "format", "--check", *checked.tree()],
    "mypy": lambda checked: ["mypy", "--strict", *checked.typed()],
    # On their own: their helpers are modules beside them, which other tests know by their full names.
    "mypy packages": lambda _: ["env", f"MYPYPATH={HELPERS}", "mypy", "--strict", "packages"],
    "yamllint": lambda checked: ["yamllint", "--strict", *checked.tree()],
    "hadolint": lambda checked: ["hadolint", *checked.files(is_containerfile)],
    "shellcheck": lambda checked: ["shellcheck", *checked.files(is_shell_script)],
    "codespell": lambda checked: ["codespell", *checked.files()],
    "eslint": lambda checked: [
        f"{sys.prefix}/javascript/node_modules/.bin/eslint",
        f"--config={sys.prefix}/javascript/eslint.config.js",
        *checked.files(lambda path: path.suffix == ".js"),
    ],
    "requirements": lambda _: [sys.executable, "requirements/check.py"],
    "aarch64": lambda _: [sys.executable, "requirements/aarch64.py"],
}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, YAML, Containerfiles, shell scripts, JavaScript, spelling, requirements and wheels.

    ``-- NAME [ARGS] [FILES]`` runs only that tool, on these files.
    """
    install(session)
    name, more = (session.posargs[0], session.posargs[1:]) if session.posargs else ("", [])
    args = [arg for arg in more if not Path(arg).is_file()]
    checked = Checked(files_of_project(session), [Path(arg) for arg in more if arg not in args])
    chosen = {title: make for title, make in LINTERS.items() if title.startswith(name)}
    if not chosen:
        session.error(f"no such check: {name}; there are: {', '.join(LINTERS)}")
    if "eslint" in chosen:
        install_eslint(session)
    failed = [title for title, make in chosen.items() if not passes(session, [*make(checked), *args])]
    if failed:
        session.error(f"not clean: {', '.join(failed)}")


def passes(session: nox.Session, command: list[str]) -> bool:
    """Run one check; its failure must not keep the others from running."""
    try:
        session.run(*command)
    except nox.command.CommandFailed:
        return False
    return True


@nox.session
def unit(session: nox.Session) -> None:
    """Test the project's own code; starts neither podman nor Git."""
    run_pytest(session, "tests/unit", "pykustomize/tests/unit", options=at_once(CPUS))


@nox.session
def javascript(session: nox.Session) -> None:
    """Test the modules of the local issuer and of JupyterLab's extension; browser tests use them as a whole."""
    install(session)
    session.run("node", "--test", *(session.posargs or map(str, sorted(Path("tests").glob("*/*.test.js")))))


@nox.session
def packages(session: nox.Session) -> None:
    """Test the built-in packages with real hubs, which mostly wait; starts neither podman nor Git."""
    run_pytest(session, "packages", options=(*at_once(CPUS + 1), DURATIONS))


@nox.session
def conformance(session: nox.Session) -> None:
    """Compare the merge with the real ``kubectl kustomize``."""
    places = ("pykustomize/tests/conformance", "tests/conformance")
    run_pytest(session, *places, options=at_once(CPUS))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site in _site; a dead link fails."""
    install(session)
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def integration(session: nox.Session) -> None:
    """Bring the pod up, use it, and take it down; without arguments, two halves side by side where that can be."""
    if session.posargs:
        run_pytest(session, "tests/integration", options=(DURATIONS,))
    else:
        install(session)
        measure(session)
        halves = [sys.executable, "-m", "tests.side_by_side", DURATIONS]
        session.run(*halves, interrupt_timeout=CLEAR_UP_S)


@nox.session(default=False)
def full(session: nox.Session) -> None:
    """Run what takes long, before a release."""
    ensure_chromium(session)
    ensure_rootless(session)
    run_pytest(session, "tests/integration", options=("-m", "full", DURATIONS))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure, and write the figures to test-artefacts/bench; ``-- [--to DIR] [NAME ...]`` runs only these."""
    install(session)
    benchmarks = [sys.executable, "-m", "tests.benchmarks", *session.posargs]
    session.run(*benchmarks, interrupt_timeout=CLEAR_UP_S)


@nox.session
def browser(session: nox.Session) -> None:
    """Use both development environments with chromium; pictures of each step go to test-artefacts/."""
    ensure_chromium(session)
    run_pytest(session, "tests/browser", options=(DURATIONS,))


def ensure_chromium(session: nox.Session) -> None:
    """Install Debian's chromium where it is missing and we may; the session fails without one."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        install_debian(session, "chromium", "chromium", "fonts-dejavu-core")


def ensure_rootless(session: nox.Session) -> None:
    """Install what an ordinary user's podman needs, which root's does without; bootstrap does so for such a user."""
    if not (shutil.which("newuidmap") and shutil.which("pasta")):
        # From where bootstrap has taken podman.
        release = ["--target-release=trixie"] if TRIXIE_PIN.is_file() else []
        install_debian(session, "newuidmap or pasta", *release, "uidmap", "passt")


def install_debian(session: nox.Session, missing: str, *arguments: str) -> None:
    """Install Debian's packages, where we may."""
    apt = ["apt-get", "install", "--yes", "--no-install-recommends", *arguments]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        session.error(f"no {missing} on PATH. On Debian: sudo {' '.join(apt)}")
    session.log(f"no {missing}: it is installed from Debian's packages")
    session.run("apt-get", "update", "--quiet", external=True)
    session.run(*apt, external=True, env={"DEBIAN_FRONTEND": "noninteractive"})


@nox.session
def coverage(session: nox.Session) -> None:
    """Show which lines of the project's own code no session before has run; what runs in containers is not measured."""
    install(session)
    measured = sorted({str(file.parent) for file in COVERAGE.glob("*/data.*")})
    if not measured:
        session.error(
            "nothing was measured: name other sessions before, as in `nox -s unit packages coverage`"
        )
    session.run("coverage", "combine", "--quiet", *measured)
    session.run("coverage", "report")
