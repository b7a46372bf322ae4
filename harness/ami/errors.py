"""The one error that people see: what happened, where, and what to do."""

from __future__ import annotations


class InputError(Exception):
    """Something that was handed in cannot be used; the message names it, its place and the way out."""


class RefusedError(InputError):
    """One example's file cannot be used; the other examples can."""
