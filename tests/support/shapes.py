"""Files held against the shapes that describe them: which of their keys no shape has."""

import typing

import msgspec


def list_unknown(data, shape, place="$"):
    """Keys of plain data that a shape does not have, at any depth."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        kinds = {one.name: one.type for one in msgspec.structs.fields(shape)}
        if not isinstance(data, dict):
            return []
        unknown = [f"{place}.{key}" for key in data if key not in kinds]
        known = [key for key in data if key in kinds]
        return unknown + [
            one for key in known for one in list_unknown(data[key], kinds[key], f"{place}.{key}")
        ]
    parts = typing.get_args(shape)
    if typing.get_origin(shape) is dict and isinstance(data, dict):
        return [one for key in data for one in list_unknown(data[key], parts[1], f"{place}.{key}")]
    return [one for part in parts for one in list_unknown(data, part, place)]
