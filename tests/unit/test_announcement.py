"""The announcement on the hub's pages: plain text, read whenever a page is made."""

import runpy
from pathlib import Path

import pytest
from jinja2 import Environment

ROOT = Path(__file__).resolve().parents[2]
Announcement = runpy.run_path(str(ROOT / "k8s/base/jupyterhub/announcement.py"))["Announcement"]
TEMPLATE = Environment(autoescape=True).from_string(
    "{% if announcement %}<div>{{ announcement | safe }}</div>{% endif %}"
)
"""As JupyterHub's page.html has it."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (" \n", ""),
        ("Closed on Monday.\n", "<div>Closed on Monday.</div>"),
        ("a\nb", "<div>a<br>\nb</div>"),
        (
            "<script>alert(1)</script> & {{ x }}",
            "<div>&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{ x }}</div>",
        ),
        ("javascript:alert(1) www.example.org", "<div>javascript:alert(1) www.example.org</div>"),
        (
            'see https://status.example.org/?a=1&b=2 "x',
            '<div>see <a href="https://status.example.org/?a=1&amp;b=2" rel="noopener noreferrer">'
            "https://status.example.org/?a=1&amp;b=2</a> &quot;x</div>",
        ),
    ],
)
def test_it_is_plain_text_with_links(tmp_path: Path, text: str, shown: str) -> None:
    (tmp_path / "text").write_text(text)
    assert TEMPLATE.render(announcement=Announcement(tmp_path / "text")) == shown


def test_it_may_change_come_and_go(tmp_path: Path) -> None:
    file = tmp_path / "text"
    announcement = Announcement(file)
    assert TEMPLATE.render(announcement=announcement) == ""
    file.write_text("one")
    assert TEMPLATE.render(announcement=announcement) == "<div>one</div>"
    file.write_bytes(b"tw\xff")
    assert TEMPLATE.render(announcement=announcement) == "<div>tw\ufffd</div>"
