"""A real browser at dev_realauth: the provider's page, a project, a notebook in its job, and out again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.browser_pages import Visit, use_server
from tests.support.real_instance import RealInstance


def test_from_signing_in_to_signing_out(real: RealInstance, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{real.url}/")
    expect(page).to_have_url(f"{real.issuer}/interaction/" + page.url.rpartition("/")[2])
    for name in ("testuser", "otheruser"):
        assert name not in page.content()
    visit.picture("sign-in")
    visit.sign_in("testuser", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    visit.picture("wrong-password")
    visit.sign_in("testuser", real.password)
    page.wait_for_url(f"{real.url}/hub/**")
    choices = page.locator("select[name=brics_project] option")
    expect(choices).to_have_count(2)

    use_server(visit, real, "project2", "testuser.project2")

    page.get_by_role("button", name="Logout").or_(page.locator("#logout")).first.click()
    page.wait_for_url(f"{real.issuer}/interaction/**")
    expect(page.locator("input[name=password]")).to_have_value("")
    visit.picture("signed-out")
    # The hub's, the proxy's and the provider's sessions are over: every address leads to the password.
    for address in (f"{real.url}/hub/home", f"{real.url}/user/testuser/lab"):
        page.goto(address)
        expect(page.locator("input[name=password]")).to_be_visible()


def test_another_user_in_the_same_browser(real: RealInstance, visit: Visit) -> None:
    page = visit.page
    for user, projects in (("testuser", 2), ("otheruser", 1)):
        page.goto(f"{real.url}/hub/spawn")
        visit.sign_in(user, real.password)
        expect(page.locator("select[name=brics_project] option")).to_have_count(projects)
        page.goto(f"{real.url}/hub/home")
        expect(page.locator("#logout")).to_be_visible()
        page.click("#logout")
        page.wait_for_url(f"{real.issuer}/interaction/**")
