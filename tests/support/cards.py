"""What a page shows of its divergent examples, how they are chosen, and the run that it belongs to."""

import json

from waiting import settle


def ids(page):
    """Examples on the cards, from the top."""
    settle(page)
    return page.locator(".card h3 a").all_inner_texts()


def choose(page, name, value):
    page.locator(f"[name={name}]").select_option(value)


def put_run(folder, names, **request):
    """A run's folder, as far as a page looks at it."""
    folder.mkdir()
    cells = [{"job": {"environment": name}} for name in names]
    (folder / "run.json").write_text(json.dumps({"request": request, "cells": cells}))
    return folder
