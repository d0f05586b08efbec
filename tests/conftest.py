"""Isolation for every test: a temporary home, no keys, no network but loopback, telemetry off."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# how fast inputs are made says how busy the machine is, and nothing of the code
settings.register_profile("failsight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("failsight")

for _name in list(os.environ):
    if _name.endswith("_API_KEY") or _name.startswith(("LANGSMITH_", "LANGCHAIN_")):
        del os.environ[_name]
os.environ.update(HF_HUB_OFFLINE="1", ANONYMIZED_TELEMETRY="False", TOKENIZERS_PARALLELISM="false")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("FAILSIGHT_HOME", str(home / ".failsight"))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests may not reach the network: {address}")
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not SHARED.is_dir():
        skip = pytest.mark.skip(reason="the shared photographs are not here")
        for item in items:
            if "shared_data" in item.keywords:
                item.add_marker(skip)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real photographs and third-party models."""
    return SHARED
