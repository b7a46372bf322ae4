"""A stand-in for dlib: as many faces as the first pixel's red says, landmarks on a fixed grid in each."""

__version__ = "0.fake"


class rectangle:  # noqa: N801 - dlib's own name
    """Sides that belong to the rectangle."""

    def __init__(self, left, top, right, bottom):
        self.sides = left, top, right, bottom

    def width(self):
        return self.sides[2] - self.sides[0] + 1

    def height(self):
        return self.sides[3] - self.sides[1] + 1


class point:  # noqa: N801 - dlib's own name
    """A landmark."""

    def __init__(self, x, y):
        self.x, self.y = x, y


class Shape:
    """The landmarks of a face."""

    def __init__(self, points):
        self.num_parts = len(points)
        self._points = points

    def parts(self):
        return self._points


def get_frontal_face_detector():
    def detect(image, upsampled):
        assert image.dtype == "uint8"
        assert image.flags.c_contiguous
        assert upsampled == 1
        side = image.shape[0] // 2
        return [rectangle(0, 0, side + 8 * number, side) for number in range(int(image[0, 0, 0]))]

    return detect


class shape_predictor:  # noqa: N801 - dlib's own name
    """Predicts as many points as its file says."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not text.isdigit():
            raise RuntimeError("Error deserializing object")
        self._count = int(text)

    def __call__(self, image, face):
        assert image.dtype == "uint8"
        left, top = face.sides[:2]
        step = face.width() / 9
        return Shape([point(int(left + step * (n % 8)), int(top + 2 * (n // 8))) for n in range(self._count)])
