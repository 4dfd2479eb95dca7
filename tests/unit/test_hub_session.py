"""Forms as a browser reads them, for `smoke`."""

from brics_envs.effects.hub_session import forms

PAGE = """
<form action="/hub/logout"></form>
<form method="post" action="../spawn?_xsrf=1">
  <input type="hidden" name="_xsrf" value="1"><input type="submit" name="go" value="Go"><input type="checkbox" name="c">
  <select name="brics_project"><option value="a">A</option><option value="b" selected>B</option></select>
  <select name="partition"><option value="">none</option><option value="gpu">gpu</option></select>
  <input name="runtime" value="01:00:00"><input>
</form>
"""


def test_fields_are_sent_as_they_stand() -> None:
    first, second = forms(PAGE, "http://127.0.0.1:8000/jupyter/hub/spawn/a")
    assert (first.action, first.fields) == ("http://127.0.0.1:8000/hub/logout", {})
    assert second.action == "http://127.0.0.1:8000/jupyter/hub/spawn?_xsrf=1"
    assert second.fields == {"_xsrf": "1", "brics_project": "b", "partition": "", "runtime": "01:00:00"}
