"""JupyterHub's own pages, as the hub finds them, say in their titles where one is."""

import re
import runpy
from pathlib import Path

import pytest
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH

HUB = Path(__file__).resolve().parents[2] / "k8s/base/jupyterhub"
THEIRS = Path(DATA_FILES_PATH) / "templates"
NO_PAGES = ("page.html", "accept-share.html")
"""What others extend, and what is for sharing, which is off."""

# The loaders that JupyterHub makes of `template_paths`.
LOADERS = [
    PrefixLoader({"templates": FileSystemLoader(str(THEIRS))}),
    FileSystemLoader([str(HUB), str(THEIRS)]),
]
PAGES = Environment(loader=ChoiceLoader(LOADERS), autoescape=True, undefined=ChainableUndefined)
PAGES.globals["page_title"] = runpy.run_path(str(HUB / "page_title.py"))["page_title"]
PAGES.globals["static_url"] = lambda *_, **__: ""


def title_of(name: str) -> str:
    text = PAGES.get_template(name).render(status_code=404, parsed_scopes=[])
    (title,) = re.findall(r"<title>(.*?)</title>", text, re.DOTALL)
    return " ".join(title.split())


@pytest.mark.parametrize(
    "name", sorted(path.name for path in THEIRS.glob("*.html") if path.name not in NO_PAGES)
)
def test_every_page_has_a_title_of_its_own(name: str) -> None:
    assert re.fullmatch(r"\w.+ - JupyterHub", title_of(name))


def test_a_page_that_is_not_known() -> None:
    assert title_of("page.html") == "JupyterHub"
