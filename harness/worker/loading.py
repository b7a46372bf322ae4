"""AmI as a job asks for it, for the tasks that look into its passes."""

from __future__ import annotations

from harness.ami.detection import Detector, build_detector, choose_blobs
from harness.ami.witnesses import concatenate_witnesses
from harness.core.errors import InputError
from harness.core.network import Network
from harness.detectors import DEFAULT
from harness.worker.job import Job
from harness.worker.tasks.judge import list_witnesses, load_network, read_detector, read_job_witnesses


def check_detector(job: Job) -> None:
    """InputError for a detector without the passes that these tasks are about."""
    if read_detector(job) != DEFAULT:
        raise InputError(f"job: task {job.task}: knows the passes of {DEFAULT}, not of {read_detector(job)}")


def load_detector(job: Job, network: Network) -> Detector:
    """The job's detector over its network, loaded."""
    check_detector(job)
    files = list_witnesses(job)
    witnesses = {name: read_job_witnesses(one, network) for name, one in files.items()}
    walked, entries = choose_blobs(network, concatenate_witnesses(witnesses, job.port), job.port)
    return build_detector(load_network(job, network, walked), entries, job.port, job.parameters)
