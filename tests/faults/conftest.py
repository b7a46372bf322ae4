"""A project to plant faults in, made once for all tests of this room."""

import pytest

from faults.project import write_project


@pytest.fixture(name="project", scope="session")
def make_project(tmp_path_factory):
    """The project, with what was run in it before."""
    return write_project(tmp_path_factory.mktemp("faults") / "project")
