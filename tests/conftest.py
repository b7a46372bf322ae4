"""Expensive tests run when asked for by their marker, and are listed when they are not."""

import contextlib
import functools
import os

import pytest

with contextlib.suppress(ImportError):  # the inside half's tests go without
    from hypothesis import HealthCheck, settings

    # A busy machine is no failure: no test asserts a time. Nor is chance: the same examples come every time;
    # `--hypothesis-profile=search` looks for new ones.
    # A database of failures would need a folder to write to, which images have not.
    timeless = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "database": None}
    settings.register_profile("search", **timeless)
    settings.register_profile("timeless", **timeless, derandomize=True)
    settings.load_profile("timeless")

# What a shell or a CI says to rich about terminals, and to requests about proxies.
SHELL = ("columns", "lines", "force_color", "no_color", "tty_compatible", "tty_interactive")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
EXPENSIVE = {
    "docker": "needs a Docker engine",
    "kill": "kills many runs: minutes, or hours",
    "planted": "every planted fault: minutes",
    "slow": "the full-size network: minutes and gigabytes",
}


def pytest_collection_modifyitems(config, items):
    asked_for = config.option.markexpr
    for item in items:
        for marker, reason in EXPENSIVE.items():
            if marker in item.keywords and marker not in asked_for:
                item.add_marker(pytest.mark.skip(reason=f"{reason}; ask for it with -m {marker}"))


@pytest.fixture(autouse=True)
def leave_shell(request, monkeypatch):
    """Variables of whoever runs the tests change no result; images are built behind their proxies."""
    reaches_out = request.node.get_closest_marker("docker") is not None
    for name in list(os.environ):
        if name.lower() in SHELL or (name.lower() in PROXIES and not reaches_out):
            monkeypatch.delenv(name)


@pytest.fixture
def limit_files(monkeypatch):
    """Makes what a program does first, so that its files end at a size, as they do on a disk that is full."""
    resource = pytest.importorskip("resource", reason="files' sizes are limited on POSIX systems alone")
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # what is measured would not fit either
    return lambda size: functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
