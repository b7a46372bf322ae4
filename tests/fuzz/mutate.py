"""Documents damaged on purpose: their structure where they have one, their text and their bytes."""

import json
import re

DEEP = 100_000
# What takes the place of a value, as JSON has it or does not.
VALUES = (
    "null", "true", "0", "-1", "-0", "1e3", "1e999", "0.1", "NaN", "-Infinity", "01", "+1", "0x1",
    str(1 << 31), str(1 << 63), str(1 << 64), "-" + str(1 << 63), "9" * 400, "9" * 5_000, "1" + "0" * 300,
    '""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc80x"', '"\\u202e"', '"a\\u0301"', '"\u2028"',
    '"../../x"', '"/dev/zero"', '"/etc/passwd"', '"a/b/c"', '"."', '"nan"', '"1_0"', '"\u0663"', '"<script>"',
    '"' + "x" * 300 + '"', '"' + "x" * 2_000 + '"', '"' + "x/" * 3_000 + '"', '"' + "x" * 200_000 + '"',
    "[]", "{}", "[[]]", '[""]', "[0]", '{"": ""}', '{"a": 1, "a": 2}', "[null]",
    "[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40, "[" * DEEP, "[" * DEEP + "]" * DEEP,
    "[" + "0," * 5_000 + "0]", "{" + ",".join(f'"k{n}": {n}' for n in range(3_000)) + "}",
)  # fmt: skip
TOML_VALUES = (
    *VALUES,
    "inf", "nan", "1979-05-27", "1979-05-27T07:32:00Z", "07:32:00", "0o7", "1_000", "'x'", '"""x"""',
    "{" + "a." * 50 + "a = 1}", "[" * 500 + "]" * 500, "{a = " * 500 + "1" + "}" * 500,
)  # fmt: skip
WORDS = (
    "", " ", "\t", "\r", "\0", "\x1b[31m", "\ufeff", "\u2028", "\u0085", "\x0c", "\u202e", "\u0301", "\ud83d",
    "-1", "0_2", "\u0663", "+1", "1e3", "99999999", "9" * 30, "nan", "inf", "..", "/", "\\", "->", ",", ",,",
    "::", "x" * 300, "x" * 3_000, "conv1_1", "data", '"', "'", "#", "{", "}", "[", "]", "=", "--",
)  # fmt: skip
KEYS = ("", "x", "schema", "x" * 5_000, "\0", "\u202e", "__class__", "a.b", "1", "-1")
BYTES = (b"\0", b"\xff", b"\xff\xd8", b"\x7f", b"\x80", b"\xc3(", b"\xed\xa0\x80", b"\n", b"\r\n")
MARK = "@@fuzz@@"
TOKEN = re.compile(r"\w+|[^\w\s]")


def mutate(name, data, rng):
    """A file's bytes, damaged in one to three ways; how depends on the ending of its name."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = choose_way(name, rng)(data, rng)
    return data


def choose_way(name, rng):
    """One way of damaging a file of this name."""
    structural = WAYS.get(name.rpartition(".")[2], mutate_text)
    return rng.choice((structural,) * 7 + (mutate_text, mutate_bytes, mutate_bytes))


def mutate_json(data, rng):
    """JSON with one value, key or entry changed; bytes where it is none any more."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, rng)
    places = list(walk_places(tree))
    if not places:
        return rng.choice(VALUES).encode("utf-8", "surrogatepass")
    table, key = rng.choice(places)
    rng.choice((replace_value, replace_value, replace_value, drop_entry, rename_key, graft_value))(
        tree, table, key, rng, places
    )
    return json.dumps(tree).replace(f'"{MARK}"', rng.choice(VALUES)).encode("utf-8", "surrogatepass")


def walk_places(tree):
    """Every table or list of a tree with each of its keys, the upper ones first."""
    waiting = [tree]
    while waiting:
        one = waiting.pop(0)
        keys = list(one) if isinstance(one, dict) else list(range(len(one))) if isinstance(one, list) else []
        for key in keys:
            yield one, key
            waiting.append(one[key])


def replace_value(_tree, table, key, _rng, _places):
    """Put another value, of whatever kind, in its place."""
    table[key] = MARK


def drop_entry(_tree, table, key, _rng, _places):
    """Leave an entry out."""
    del table[key]


def rename_key(_tree, table, key, rng, _places):
    """Give an entry another key, or put it in a list twice."""
    if isinstance(table, list):
        table.insert(key, table[key])
    else:
        table[rng.choice(KEYS)] = table.pop(key)


def graft_value(_tree, table, key, rng, places):
    """Put what stands elsewhere in its place."""
    other, there = rng.choice(places)
    table[key] = json.loads(json.dumps(other[there])) if there in other or isinstance(other, list) else MARK


def mutate_json_lines(data, rng):
    """JSON lines with one line damaged, left out, doubled, or run into the next."""
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    way = rng.randrange(10)
    if way < 6:
        lines[place] = mutate_json(lines[place], rng)
        return b"\n".join(lines)
    return shuffle_lines(lines, place, rng)


def shuffle_lines(lines, place, rng):
    """Lines with one left out, doubled, moved, run into the next, or another put beside it."""
    way = rng.randrange(6)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(place, lines[place])
    elif way == 2:
        lines.insert(rng.randrange(len(lines)), lines.pop(place))
    elif way == 3:
        lines[place : place + 2] = [b"".join(lines[place : place + 2])]
    elif way == 4:
        lines.insert(place, rng.choice(WORDS).encode("utf-8", "surrogatepass"))
    else:
        lines[place] += rng.choice((b"\r", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0c", b" ", b"\0"))
    return b"\n".join(lines)


def mutate_toml(data, rng):
    """TOML with one value, key or line changed."""
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    key, mark, _ = lines[place].partition(b"=")
    way = rng.randrange(10)
    if mark and way < 6:
        lines[place] = key + b"= " + rng.choice(TOML_VALUES).encode("utf-8", "surrogatepass")
    elif mark and way < 8:
        name = rng.choice((*KEYS, "a." * 20_000 + "a", '"a"."b"', "a" * 100_000))
        lines[place] = name.encode() + b" = " + lines[place].partition(b"=")[2]
    else:
        return shuffle_lines(lines, place, rng)
    return b"\n".join(lines)


def mutate_text(data, rng):
    """Text with one word replaced, or one line."""
    text = data.decode("utf-8", "surrogateescape")
    if rng.random() < 0.3:
        lines = data.split(b"\n")
        return shuffle_lines(lines, rng.randrange(len(lines)), rng)
    found = list(TOKEN.finditer(text[:200_000]))
    if not found:
        return rng.choice(WORDS).encode("utf-8", "surrogatepass")
    one = rng.choice(found)
    word = rng.choice(WORDS).encode("utf-8", "surrogatepass") * rng.choice((1, 1, 1, 2, 1000))
    pieces = (text[: one.start()], text[rng.choice(one.span()) :])
    return word.join(piece.encode("utf-8", "surrogateescape") for piece in pieces)


def mutate_bytes(data, rng):
    """Bytes flipped, put in, left out, doubled, or cut off."""
    if not data:
        return rng.choice(BYTES)
    start, length = rng.randrange(len(data)), rng.choice((1, 1, 2, 4, 16, 256))
    before, there, after = data[:start], data[start : start + length], data[start + length :]
    flipped = bytes([there[0] ^ (1 << rng.randrange(8))])
    middle = rng.choice(
        (
            flipped + there[1:],
            rng.choice(BYTES) * rng.choice((1, 1, 3, 5_000)) + there,
            b"",
            there * rng.choice((2, 3, 100)),
            None,
            rng.randbytes(length),
        )
    )
    return before if middle is None else before + middle + after


WAYS = {
    "json": mutate_json,
    "jsonl": mutate_json_lines,
    "toml": mutate_toml,
    "lock": mutate_json,
    "npy": mutate_bytes,
    "npz": mutate_bytes,
    "png": mutate_bytes,
    "jpg": mutate_bytes,
    "caffemodel": mutate_bytes,
    "tar": mutate_bytes,
    "gz": mutate_bytes,
}
