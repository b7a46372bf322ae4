// Ladders: strips of stages, scrubbed with the mouse, or with the keys of a slider.

const RUNG = ["stage", "pass", "in A", "in B", "difference", "difference ÷ value", "its own error", "noise", "error ÷ noise", "tuple if grafted there"];

const ladderOf = (figure) => data.ladders[Number(figure.id.replace("ladder-", ""))];

function openLadder(figure) {
  const slider = figure.querySelector("input");
  const strip = figure.querySelector("svg");
  const size = ladderOf(figure)[3].length;
  slider.hidden = figure.querySelector(".rung").hidden = false;
  fillRung(figure, slider.valueAsNumber);
  slider.addEventListener("input", () => scrub(figure, slider.valueAsNumber));
  const drag = (event) => {
    const box = strip.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * size);
    scrub(figure, Math.min(size - 1, Math.max(0, place)));
  };
  strip.addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
  strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(event.pointerId); drag(event); slider.focus(); event.preventDefault(); });
}

// What a rung says in words, the way to its cells' names; what is not known is left out.
function describeRung(figure, place) {
  const [, a, b, rungs] = ladderOf(figure);
  const names = { "in A": `in ${a}`, "in B": `in ${b}` };
  return rungs[place].flatMap((text, key) => (text ? [[names[RUNG[key]] ?? RUNG[key], text]] : []));
}

function fillRung(figure, place) {
  const said = describeRung(figure, place);
  const slider = figure.querySelector("input");
  slider.value = place;
  slider.setAttribute("aria-valuetext", said.map(([name, text]) => `${name} ${text}`).join(", "));
  figure.querySelector(".here").setAttribute("transform", `translate(${place} 0)`);
  figure.querySelector(".here").removeAttribute("hidden");
  figure.querySelector(".rung").replaceChildren(...said.map(([name, text]) => {
    const line = element("div");
    line.append(element("dt", "", name), element("dd", "words", text));
    return line;
  }));
}

function scrub(figure, place) {
  fillRung(figure, place);
  state.ladder = figure.id.replace("ladder-", "");
  state.at = String(place);
  state.example = null;
  writeState(state);
}

// All folds around something, so that it can be seen.
function openAround(one) {
  for (let fold = one?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

function showCause(place) {
  const fold = document.querySelector(`.more[data-place="${CSS.escape(place)}"]`);
  openAround(fold);
  return fold;
}

// What is opened or closed by hand goes into the address; a click comes before its fold has changed.
function noteCause(fold) {
  const around = fold.parentElement.closest(".more");
  state.why = fold.open ? around?.dataset.place ?? "" : fold.dataset.place;
  if (fold.open) state.ladder = state.at = "";
  state.example = null;
  writeState(state);
}

function showLadder(number, at) {
  const figure = document.getElementById(`ladder-${number}`);
  const size = figure ? ladderOf(figure)[3].length : 0;
  openAround(figure);
  const place = Number(at);
  if (Number.isInteger(place) && place >= 0 && place < size) fillRung(figure, place);
}
