"""A clinician signs in at their hospital's provider in a real browser, sees the clinic, and signs out of both."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, expect
from teleward_testing.issuers import DASHBOARD, running_world
from teleward_testing.pages import Staff
from teleward_testing.valkey import RunningValkey

HOSPITAL = '[data-testid="issuer"][data-issuer="harbour-health/hospital"]'


async def test_a_clinician_signs_in_at_the_provider_and_sees_the_clinic(
    oidc_provider: None, chromium: Browser, tmp_path: Path
) -> None:
    with RunningValkey() as valkey:
        async with running_world(valkey, tmp_path) as world:
            context = await chromium.new_context(locale="en-AU", ignore_https_errors=True)
            clinician = await Staff.arrive(context, "clinician")
            page = clinician.page

            await page.goto(f"{world.gateway}{DASHBOARD}")
            await page.locator(HOSPITAL).click()
            await page.get_by_role("button", name="No", exact=True).click()
            fault = page.get_by_test_id("sign-in-fault")
            await expect(fault).to_contain_text("Try again, or choose another account.")

            await page.locator(HOSPITAL).click()
            await page.get_by_label("Account").fill("ada")
            await page.get_by_role("button", name="Sign in").click()
            await clinician.sees("dashboard")
            assert urlsplit(page.url).path == DASHBOARD
            await clinician.reads("Ada L.")

            await page.get_by_test_id("sign-out").click()
            await page.wait_for_url(lambda url: urlsplit(url).path == "/session/end")
            await page.get_by_role("button", name="Sign out").click()
            await page.wait_for_url(lambda url: urlsplit(url).path == "/sign-in")
            await page.goto(f"{world.gateway}/staff")
            await clinician.sees("sign-in")
            assert clinician.complaints == []
            await context.close()
