"""A real browser at dev_dummyauth: its form, a notebook in its job, and out again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.browser_pages import Visit, use_server
from tests.support.real_instance import RealInstance


def test_from_signing_in_to_signing_out(dummy: RealInstance, visit: Visit) -> None:
    page = visit.page
    page.goto(f"{dummy.url}/")
    visit.picture("sign-in")
    visit.sign_in("testuser", "not the password")
    expect(page.locator(".login_error")).to_contain_text("Invalid username or password")
    visit.picture("wrong-password")
    visit.sign_in("testuser", dummy.password)
    page.wait_for_url(f"{dummy.url}/hub/spawn**")

    use_server(visit, dummy, "project1", "testuser.project1")

    page.click("#logout")
    page.wait_for_url(f"{dummy.url}/hub/login**")
    expect(page.locator("input[name=password]")).to_have_value("")
    visit.picture("signed-out")
    page.goto(f"{dummy.url}/hub/home")
    expect(page.locator("input[name=password]")).to_be_visible()
