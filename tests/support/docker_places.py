"""An environment that wants a container, and an engine that is only said to be there."""

import dataclasses
import threading
from pathlib import Path

from harness.images.recipes import read_images
from harness.launch.docker.session import DockerSession, Engine
from harness.plan.environments import Environment

ROOT = Path(__file__).parents[2]
IMAGES = read_images(ROOT / "dockerfiles")
ENGINE = Engine("unix:///x", "id", "1", "Debian", "amd64", 2, 4000, is_here=True)


def make_box(image="caffe-openblas"):
    return Environment(
        name="box", description="x", launcher="docker", image=image, backend="caffe", groups=()
    )


def make_session(tmp_path, **more):
    return DockerSession(
        dataclasses.replace(ENGINE, **more), "t", tmp_path, tmp_path, threading.Event(), images=IMAGES
    )
