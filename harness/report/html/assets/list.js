// A long list of which only what is near the window is built. Two gaps stand for the rest, as high as
// those rows were when they were last seen, or are thought to be.

const NEAR = 1500; // pixels above and below the window
const FRAME_SHARE = 5; // milliseconds of a frame for building what cannot be seen yet

function makeList(root, build, guess) {
  const above = element("div", "gap"), below = element("div", "gap");
  let rows = [], heights = new Float64Array(0), scale = 1, width = 0, frame = 0;
  let first = 0, last = 0; // the rows from `first` up to `last` are built, and stand between the gaps
  root.append(above, below);

  const built = () => [...root.children].slice(1, -1);
  const sum = (from, to) => heights.subarray(from, to).reduce((all, height) => all + height, 0);

  function measure() {
    built().forEach((one, place) => { heights[first + place] = one.getBoundingClientRect().height; });
  }

  // How far off the guesses are, at this width and in these fonts.
  function learn() {
    const seen = rows.slice(first, last).reduce((all, row) => all + guess(row), 0);
    if (seen) scale = sum(first, last) / seen;
    rows.forEach((row, place) => { if (place < first || place >= last) heights[place] = scale * guess(row); });
  }

  function add(place) {
    const made = build(rows[place], place, rows.length);
    if (place < first) { above.after(made); first = place; } else { below.before(made); last = place + 1; }
  }

  function clear(place) {
    root.replaceChildren(above, below);
    first = last = place;
  }

  // Rows that are from `low` to `high` pixels away from the window's top; one at least.
  function find(low, high) {
    let from = 0, y = root.getBoundingClientRect().top;
    while (from < rows.length - 1 && y + heights[from] < low) y += heights[from++];
    let to = from;
    while (to < rows.length && (y < high || to === from)) y += heights[to++];
    return [from, to];
  }

  function spread() {
    above.style.height = `${sum(0, first)}px`;
    below.style.height = `${sum(last, rows.length)}px`;
  }

  function update() {
    frame = 0;
    if (!rows.length || !root.clientWidth) return;
    measure();
    const [seenFrom, seenTo] = find(0, innerHeight);
    const [from, to] = find(-NEAR, innerHeight + NEAR);
    if (last <= seenFrom || first >= seenTo) clear(seenFrom);
    const standing = built();
    standing.slice(0, Math.max(0, from - first)).forEach((one) => { one.remove(); first++; });
    standing.slice(Math.max(0, to - last + standing.length)).forEach((one) => { one.remove(); last--; });
    while (first > seenFrom) add(first - 1);
    while (last < seenTo) add(last);
    const end = performance.now() + FRAME_SHARE;
    while ((last < to || first > from) && performance.now() < end) {
      if (last < to) add(last);
      if (first > from) add(first - 1);
    }
    measure();
    spread();
    if (last < to || first > from) plan();
  }

  function plan() {
    if (!frame) frame = requestAnimationFrame(update);
  }

  function showRows(newRows) {
    rows = newRows;
    heights = Float64Array.from(rows, (row) => scale * guess(row));
    clear(0);
    spread();
    update();
    learn();
    spread();
  }

  function reveal(place) {
    const stand = () => root.children[1 + place - first];
    if (place < first || place >= last) {
      clear(place);
      add(place);
      spread();
    }
    stand().scrollIntoView({ block: "start" });
    update();
    stand().scrollIntoView({ block: "start" });
    return stand();
  }

  function fillFirst(most) {
    clear(0);
    while (last < Math.min(most, rows.length)) add(last);
    measure();
    spread();
  }

  new ResizeObserver(() => {
    if (root.clientWidth === width || !root.clientWidth) return;
    width = root.clientWidth;
    measure();
    learn();
    update();
  }).observe(root);
  addEventListener("scroll", plan, { passive: true });
  addEventListener("resize", plan);

  return { show: showRows, reveal, fillFirst, place: (wanted) => rows.findIndex((row) => row[ID] === wanted), size: () => rows.length };
}
