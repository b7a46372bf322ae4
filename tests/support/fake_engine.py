"""A Docker engine that only keeps images, and builds none."""

from types import SimpleNamespace

from docker.errors import ImageNotFound

from harness.images.build import STAGE_LABEL

STAGE = "sha256:stage"


class ImageKeeper:
    """An engine with images by tag, and a stage that a build left; it is its own collection of images."""

    def __init__(self, *tags):
        self.images, self.removed, self.api = self, [], SimpleNamespace(timeout=None)
        self.tags = list(tags)

    def get(self, tag):
        if tag not in self.tags:
            raise ImageNotFound(tag)
        return SimpleNamespace(id=f"sha256:{tag}", tags=[tag], attrs={"Size": 1_230_000_000})

    def list(self, filters):
        if STAGE_LABEL in filters.values():
            return [SimpleNamespace(tags=[], id=STAGE)]
        return [self.get(tag) for tag in self.tags]

    def remove(self, tag):
        self.removed.append(tag)

    def prune(self, filters):
        assert filters["dangling"]
        self.removed.append(STAGE)
        return {"ImagesDeleted": [{"Deleted": STAGE}]}

    def close(self):
        pass
