"""Cross-environment reproducibility harness for the AmI detector on VGG-Face networks."""

__version__ = "0.1.0"
