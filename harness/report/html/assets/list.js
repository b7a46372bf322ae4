"use strict";
// A long list of which only what is near the window is built: rows stand in blocks, and far blocks are
// empty boxes of the height that they had, or are thought to have.

const NEAR = "1600px 0px"; // of the window
const FRAME_SHARE = 4; // milliseconds of a frame for filling what cannot be seen yet

function makeList(root, build, guess, blockRows) {
  let rows = [], blocks = [], scale = 1;
  const waiting = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && !target.isFull) waiting.add(target);
      else if (!isIntersecting) { waiting.delete(target); empty(target); }
    }
    work();
  }, { rootMargin: NEAR });

  // What can be seen is filled at once, the rest of what is near in the frames that follow.
  const distance = (block) => {
    const { top, bottom } = block.getBoundingClientRect();
    return Math.max(0, top - innerHeight, -bottom);
  };

  let frame = 0;
  function work() {
    const ordered = [...waiting].map((block) => [distance(block), block]).sort((a, b) => a[0] - b[0]);
    const end = performance.now() + FRAME_SHARE;
    for (const [away, block] of ordered) {
      if (away > 0 && performance.now() > end) break;
      waiting.delete(block);
      fill(block);
    }
    cancelAnimationFrame(frame);
    if (waiting.size) frame = requestAnimationFrame(work);
  }

  const rowsOf = (block) => rows.slice(block.start, block.start + blockRows);

  function fill(block) {
    if (block.isFull) return;
    block.isFull = true;
    block.replaceChildren(...rowsOf(block).map((row, place) => build(row, block.start + place, rows.length)));
    block.style.height = "";
  }

  function empty(block) {
    if (!block.isFull || block.contains(document.activeElement)) return;
    const height = block.getBoundingClientRect().height;
    if (!height) return; // not drawn at all, as in a closed fold
    block.style.height = `${height}px`;
    block.isFull = false;
    block.replaceChildren();
  }

  function guessHeight(block) {
    let sum = 0;
    for (let place = block.start; place < Math.min(block.start + blockRows, rows.length); place++) sum += guess(rows[place]);
    return scale * sum;
  }

  // The first block drawn tells how far off the guesses are, at this width and in these fonts.
  function learn() {
    const first = blocks[0];
    const height = first?.isFull ? first.getBoundingClientRect().height : 0;
    if (height) scale *= height / guessHeight(first);
    for (const block of blocks) if (!block.isFull) block.style.height = `${guessHeight(block)}px`;
  }

  function show(newRows) {
    observer.disconnect();
    rows = newRows;
    blocks = [];
    for (let start = 0; start < rows.length; start += blockRows) {
      const block = document.createElement("div");
      block.className = "block";
      block.start = start;
      blocks.push(block);
    }
    waiting.clear();
    root.replaceChildren(...blocks.slice(0, 1));
    if (blocks.length) fill(blocks[0]);
    learn();
    root.append(...blocks.slice(1));
    for (const block of blocks) observer.observe(block);
  }

  function reveal(place) {
    const block = blocks[Math.floor(place / blockRows)];
    fill(block);
    const element = block.children[place % blockRows];
    element.scrollIntoView({ block: "start" });
    return element;
  }

  function fillFirst(most) {
    for (const block of blocks) if (block.start < most) fill(block);
  }

  let width = 0;
  new ResizeObserver(() => {
    if (root.clientWidth === width || !root.clientWidth) return;
    width = root.clientWidth;
    learn();
  }).observe(root);

  return { show, reveal, fillFirst, place: (wanted) => rows.findIndex((row) => row[ID] === wanted), size: () => rows.length };
}
