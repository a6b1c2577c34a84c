"""A gateway that would let strangers be anybody does not start, and says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from teleward_testing.gateways import keys, running_gateway
from teleward_testing.valkey import RunningValkey

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "in a pod": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "the development sign-in does not run in a pod",
    ),
    "in a pod, with a secret": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "TELEWARD_SIGN_IN_SECRET": "x"},
        "the development sign-in does not run in a pod",
    ),
    "for every address": (
        {"TELEWARD_ADDRESS": "0.0.0.0"},
        "the development sign-in without a secret listens on loopback only",
    ),
    "for every address of IPv6": (
        {"TELEWARD_ADDRESS": "::"},
        "the development sign-in without a secret listens on loopback only",
    ),
    "for a name that may be anything": (
        {"TELEWARD_ADDRESS": "clinic.example.org"},
        "the development sign-in without a secret listens on loopback only",
    ),
    "with certificates that are none": (
        {"TELEWARD_TRUSTED_CERTIFICATES_FILE": os.devnull}, "the certificates cannot be used",
    ),
    "with a way to sign in that there is not": (
        {"TELEWARD_SIGN_IN": "anybody"}, "TELEWARD_SIGN_IN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", REFUSED)
def test_a_gateway_does_not_start(where: str, tmp_path: Path) -> None:
    more, said = REFUSED[where]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TELEWARD_")}
    environment = ours | {
        "TELEWARD_REDIS_URL": "redis://127.0.0.1:1/0", "TELEWARD_PORT": "0",
        "TELEWARD_PUBLIC_URL": "https://clinic.example.org", "TELEWARD_OPERATIONS_PORT": "0",
        "TELEWARD_SIGN_IN": "development", **keys(tmp_path), **more,
    }  # fmt: skip

    ended = subprocess.run(
        [sys.executable, "-m", "teleward_gateway.main"], env=environment, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip

    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Next: " in ended.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"address": "0.0.0.0", "sign_in_secret": "said once"},
        {"address": "0.0.0.0", "sign_in": "issuers"},
        {"address": "0.0.0.0", "sign_in": "none"},
    ],
)
def test_a_gateway_that_lets_nobody_be_anybody_listens_everywhere(
    settings: dict[str, str], valkey: RunningValkey, tmp_path: Path
) -> None:
    with running_gateway(valkey.url, tmp_path, **settings) as gateway:
        assert gateway.process.poll() is None
