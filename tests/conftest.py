"""The folder is the mark; a tier whose tools are missing is skipped by name, and never with CI=true."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from teleward_testing.kube.control_plane import ControlPlane, running

TIERS = ("house", "unit", "contract", "cluster", "browser")
HERE = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PAGES = HERE.parent / "gateway/teleward_gateway/static/patient.html"

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""Examples of each property in `make fuzz`; 0 otherwise: few, and the same ones every time."""

settings.register_profile("quick", deadline=None, derandomize=True, database=None)
settings.register_profile("fuzz", deadline=None, max_examples=max(1, FUZZ_EXAMPLES))
settings.load_profile("fuzz" if FUZZ_EXAMPLES else "quick")

_skipped: dict[str, str] = {}


def tier_of(path: Path) -> str | None:
    """The tier a test file belongs to, by its folder."""
    parts = path.relative_to(HERE).parts if path.is_relative_to(HERE) else ()
    return parts[0] if parts and parts[0] in TIERS else None


def missing(tier: str) -> str | None:
    """What a tier lacks on this machine, with the command that provides it; None when nothing."""
    if tier == "browser":
        if not Path(CHROMIUM).exists():
            return "no Chromium: apt-get install chromium"
        if not PAGES.exists():
            return "the pages are not built: make frontend"
    if tier == "contract":
        from teleward_cli import store

        if store.find_binary() is None:
            return "no Valkey or Redis: make setup"
        if shutil.which("kubectl") is None:
            return "no kubectl on the PATH: make setup, and run the tests by make test"
    if tier == "cluster":
        from teleward_testing.kube import binaries

        if lacking := binaries.missing():
            return f"no {', '.join(lacking)}: make kube"
    return None


def need(tier: str, lack: str | None) -> None:
    """Skip a test whose own tool is missing, and say so in the end; with CI=true it fails."""
    if lack is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true, and a test cannot run: {lack}")
    _skipped[f"{tier}/ in part"] = lack
    pytest.skip(lack)


@pytest.fixture(scope="session")
def pion() -> None:
    """Stand for the Pion peer, which has been built."""
    from teleward_testing.families.pion import PROGRAM

    need("browser", None if PROGRAM.find() else "no Pion peer: make peers")


@pytest.fixture(scope="session")
def load_generator() -> None:
    """Stand for the media bench's generator, which has been built."""
    from teleward_testing.media_load.generator import GENERATOR

    need("contract", None if GENERATOR.find() else "no load generator: make peers")


@pytest.fixture(scope="session")
def firefox_installed() -> None:
    """Stand for Firefox, which is there."""
    from teleward_testing.families.firefox import FIREFOX

    there = Path(FIREFOX).exists()
    need("browser", None if there else "no Firefox: apt-get install firefox-esr")


@pytest.fixture(scope="session")
def tshark() -> str:
    """The command of Wireshark's dissector."""
    found = shutil.which("tshark")
    need("contract", None if found else "no tshark: apt-get install tshark")
    return str(found)


@pytest.fixture(scope="session")
def oidc_provider() -> None:
    """Stand for the OpenID Connect provider, which has been installed."""
    from teleward_testing.identity_provider import install

    try:
        install()
    except (OSError, subprocess.SubprocessError) as err:
        need("contract", f"no OpenID Connect provider: npm ci failed ({type(err).__name__})")


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The real API server that tests share, with our definitions; who kills one starts its own."""
    if lack := missing("cluster"):
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true, and there is no real API server: {lack}")
        pytest.skip(lack)
    with running(tmp_path_factory.mktemp("kube")) as plane:
        plane.define(HERE.parent / "crds")
        yield plane


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = tier_of(item.path)
        if tier is None:
            continue
        item.add_marker(getattr(pytest.mark, tier))
        lack = missing(tier)
        if lack is None:
            continue
        if os.environ.get("CI") == "true":
            pytest.exit(f"CI=true, and {tier}/ cannot run: {lack}", returncode=1)
        _skipped[tier] = lack
        item.add_marker(pytest.mark.skip(reason=lack))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties if report.when == "call" else ():
            shown = f"{value:.2f}" if isinstance(value, float) else value
            terminalreporter.write_line(f"figure: {report.nodeid.split('::')[-1]}: {name} {shown}")
    for tier, lack in sorted(_skipped.items()):
        folder, _, part = tier.partition("/")
        terminalreporter.write_line(f"not run: tests/{folder}/{part} ({lack})", yellow=True)
