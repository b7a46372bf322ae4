"""Sets of rendered faces as arrays, rendered by several processes."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import cv2
import numpy as np
from faces import IDENTITIES, render_face
from rich.progress import track

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Photographs:
    """Images (N, 64, 64, 3) uint8 RGB and their people (N,) int64."""

    images: NDArray[np.uint8]
    people: NDArray[np.int64]


def render_person(number: int, split: str, count: int) -> NDArray[np.uint8]:
    """The first `count` images of one person in a split."""
    cv2.setNumThreads(1)
    return np.stack([render_face(number, split, index).image for index in range(count)])


def render_photographs(split: str, count: int, workers: int) -> Photographs:
    """`count` images of every person in a split, with a progress bar."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(render_person, number, split, count) for number in range(IDENTITIES)]
        batches = [job.result() for job in track(jobs, description=f"render {split}")]
    people = np.repeat(np.arange(IDENTITIES, dtype=np.int64), count)
    return Photographs(np.concatenate(batches), people)
