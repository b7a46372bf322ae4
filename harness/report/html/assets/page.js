// The page's controls: filters, addresses, folds, theme, the agreement table, copying, printing.

const byId = (id) => document.getElementById(id);
const tools = byId("tools");
const MOST_PRINTED = 100;

const guessClass = (one) => (one[MEMBERS].length > MOST_APART ? 66 : 24 * one[MEMBERS].length + 12);
const guessCard = (row) => Math.max(180, 100 + row[CLASSES].reduce((sum, one) => sum + guessClass(one), 0));
const cards = makeList(byId("cards"), makeCard, guessCard);
const lines = byId("lines") && makeList(byId("lines"), makeLine, () => 27);
const losses = byId("incomparable-lines") && makeList(byId("incomparable-lines"), makeLoss, () => 31);
const hasStages = data.divergences.some((row) => row[STAGES]);
let state = readState("");

// Options of the filters, each with how many examples it finds by itself.

function fillSelect(name, all, options) {
  const menu = tools.elements[name];
  const make = (value, text) => {
    const option = element("option", "", text);
    option.value = value;
    return option;
  };
  menu.replaceChildren(make("", all), ...options.map(([value, text]) => make(value, text)));
  menu.parentElement.hidden = options.length === 0;
}

function tally(values, rows = data.divergences) {
  const counts = new Map();
  for (const row of rows) for (const value of new Set(values(row))) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function fillSelects() {
  const counted = (names, counts, key) => names.flatMap(([value, text], place) => {
    const count = counts.get(key ? key(value, place) : value);
    return count ? [[value, `${text} (${count})`]] : [];
  });
  const same = (names) => names.map((name) => [name, name]);
  const place = (_, number) => number;
  const everything = [...data.divergences, ...data.agreeing];
  const bits = (row) => row[CLASSES].slice(1).reduce((all, one) => all | one[CHANGED], 0);
  fillSelect("attack", "all", counted(same(data.attacks), tally((row) => [row[ATTACK]], everything), place));
  fillSelect("case", "all", counted(data.cases.map((name) => [name, `${name} ${data.meanings[name]}`]),
    tally((row) => tuplesOf(row).map((one) => nameCase(...one)), everything)));
  fillSelect("environment", "any", counted(same(data.environments), tally(departing), place));
  fillSelect("change", "anything", counted(data.changes.map((name, number) => [name, data.changeNames[number]]),
    tally((row) => data.changes.map((_, number) => number).filter((number) => bits(row) & (1 << number))), place));
  const stages = tally((row) => departing(row).map((one) => stageOf(row, one)));
  const groups = (...all) => tally((row) => departing(row).flatMap((one) => all.map((key) => groupOf(row, one)?.[key])).filter(Boolean));
  const keys = (key) => [...new Set(data.causes.map((group) => group[key]))];
  fillSelect("stage", "any", !hasStages ? [] : [
    ...counted(data.stages.map((name, number) => [name, data.stageNames[number]]), stages, place),
    ...counted([["none", data.notMeasured]], stages, () => NOWHERE),
  ]);
  fillSelect("cause", "any", counted(same([...new Set([...keys(2), ...keys(0)])]), groups(0, 2)));
  fillSelect("verdict", "any", keys(1).length > 1 || state.verdict ? counted(same(keys(1)), groups(1)) : []);
  fillSelect("register", "all", counted([["unexpected", "unexpected"], ["expected", "expected"]],
    tally((row) => [isExpected(row) ? "expected" : "unexpected"])));
  fillSelect("sort", SORTS.matters, Object.entries(SORTS).slice(1));
}

// What is asked, and what is found.

function show() {
  const found = select(state);
  cards.show(found.rows);
  lines?.show(found.lines);
  const all = data.divergences.length;
  const isNarrowed = FILTERS.some((name) => name !== "sort" && state[name]);
  const together = state.together ? `, in which just ${state.together.split("\n").join(", ")} depart` : "";
  byId("found").textContent = isNarrowed
    ? `${found.rows.length} of ${plural(all, "divergent example")}${together}; ${found.lines.length} of ${data.agreeing.length} agreeing`
    : `${all || !data.agreeing.length ? plural(all, "divergent example") : plural(data.agreeing.length, "agreeing example")}${data.pages.length > 1 ? " on this page" : ""}`;
  byId("clear").hidden = !isNarrowed;
  byId("steps").hidden = found.rows.length === 0;
  if (byId("agreeing-found")) byId("agreeing-found").textContent = isNarrowed ? `${found.lines.length} of ${data.agreeing.length}` : String(data.agreeing.length);
}

function setControls() {
  for (const name of FILTERS) if (tools.elements[name]) tools.elements[name].value = state[name];
}

function readControls() {
  for (const name of FILTERS) if (tools.elements[name]) state[name] = tools.elements[name].value;
  state.example = null;
  writeState(state);
  show();
}

function unmark() {
  for (const one of document.querySelectorAll(".target")) one.classList.remove("target");
}

function goTo(id) {
  unmark();
  const hides = () => cards.place(id) < 0 && !(lines && lines.place(id) >= 0);
  if (hides() && FILTERS.some((name) => state[name])) {
    state = readState(linkTo(id));
    setControls();
    show();
  }
  if (hides()) {
    const elsewhere = data.pages.length > 1 ? "; it may be on another page" : "";
    byId("found").textContent = `There is no example ${showName(id)} on this page${elsewhere}.`;
    return;
  }
  const isCard = cards.place(id) >= 0;
  if (!isCard) byId("agreeing-fold").open = true;
  const target = isCard ? cards.reveal(cards.place(id)) : lines.reveal(lines.place(id));
  target.classList.add("target");
  target.focus({ preventScroll: true });
}

function follow() {
  if (!isQuery(location.hash)) return false;
  const wanted = readState(location.hash);
  const isSame = FILTERS.every((name) => wanted[name] === state[name]);
  state = wanted;
  if (!isSame) { setControls(); show(); }
  const cause = state.why ? showCause(state.why) : null;
  if (state.ladder) showLadder(state.ladder, state.at);
  if (state.example) goTo(state.example);
  else if (state.ladder) byId(`ladder-${state.ladder}`)?.scrollIntoView();
  else if (cause) cause.closest("li").scrollIntoView();
  else (tools.hidden ? byId("divergences") : tools).scrollIntoView();
  return true;
}

// The list comes first; what its filters find by themselves is counted when it stands.
function start() {
  const isBare = data.divergences.length > 0 && data.divergences.every((row) => typeof row[PICTURE] === "number");
  byId("cards").classList.toggle("no-pictures", isBare);
  byId("no-pictures").hidden = !isBare;
  byId("cards").classList.toggle("no-stages", !hasStages);
  if (data.divergences.length || data.agreeing.length) tools.hidden = false;
  losses?.show(data.incomparable);
  state = isQuery(location.hash) ? { ...readState(location.hash), example: null } : state;
  document.querySelectorAll(".ladder").forEach(openLadder);
  document.querySelectorAll(".more > summary").forEach((one) => one.addEventListener("click", () => noteCause(one.parentElement)));
  show();
  setTimeout(() => { fillSelects(); setControls(); follow(); });
}

tools.addEventListener("submit", (event) => event.preventDefault());
tools.addEventListener("change", (event) => { if (event.target.name !== "q") readControls(); });
let typing = 0;
tools.elements.q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(readControls, 120);
});
byId("clear").addEventListener("click", () => {
  state = { ...readState(""), sort: state.sort };
  writeState(state);
  setControls();
  show();
  tools.elements.q.focus();
});
byId("more-filters").addEventListener("click", (event) => {
  const isOpen = byId("filters").classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", isOpen);
});
window.addEventListener("hashchange", follow);

// Links to the example that the address names already change nothing, but must still lead there.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.hash === location.hash && follow()) event.preventDefault();
});

// Storage may be off for pages from disk; what is chosen then lasts as long as the page.
function remember(name, value) {
  try { localStorage.setItem(`harness-${name}`, value); } catch { /* as said */ }
}

function recall(name) {
  try { return localStorage.getItem(`harness-${name}`); } catch { return null; }
}

// Examples are stepped through with buttons and keys, from the one that has the focus or is looked at.
const STEPS = { j: 1, n: 1, ArrowRight: 1, k: -1, p: -1, ArrowLeft: -1 };
const OWN_KEYS = "input, select, textarea, summary, [contenteditable], .heat, .wide:not(.card .wide), code";
const keys = byId("keys");

const placeOf = (card) => Number(card.getAttribute("aria-posinset")) - 1;
const isSeen = (card) => card.getBoundingClientRect().bottom > 0 && card.getBoundingClientRect().top < innerHeight;

function findNext(step) {
  const here = document.activeElement?.closest?.(".card") ?? document.querySelector(".card.target");
  if (here && isSeen(here)) return placeOf(here) + step;
  const edge = tools.hidden ? 0 : tools.getBoundingClientRect().bottom;
  const below = [...document.querySelectorAll(".card")].find((card) => card.getBoundingClientRect().top >= edge - 8);
  const place = below ? placeOf(below) : cards.size();
  return step > 0 ? place : place - 1;
}

function stepTo(step) {
  const place = findNext(step);
  if (place < 0 || place >= cards.size()) return;
  unmark();
  const card = cards.reveal(place);
  card.classList.add("target");
  card.focus({ preventScroll: true });
}

function showKeys(isOn) {
  keys.setAttribute("aria-pressed", isOn);
  byId("hint").hidden = !isOn;
}

byId("next").addEventListener("click", () => stepTo(1));
byId("previous").addEventListener("click", () => stepTo(-1));
keys.addEventListener("click", () => {
  const isOn = keys.getAttribute("aria-pressed") !== "true";
  remember("keys", isOn ? "on" : "off");
  showKeys(isOn);
});
document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (keys.getAttribute("aria-pressed") !== "true" || event.target.closest?.(OWN_KEYS)) return;
  event.preventDefault();
  stepTo(step);
});
showKeys(recall("keys") !== "off");

// Folds of the environments' table.
for (const button of document.querySelectorAll(".unfold")) {
  button.addEventListener("click", () => {
    const fold = byId(button.getAttribute("aria-controls"));
    fold.hidden = !fold.hidden;
    button.setAttribute("aria-expanded", !fold.hidden);
  });
}

// The theme: the system's, until one is chosen here. The button says what it leads to: first the theme that
// the system has not, then the other one, then the system's again.
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = byId("theme");
const SYSTEM = "system";
function nextTheme() {
  const [own, other] = dark.matches ? ["dark", "light"] : ["light", "dark"];
  return { [SYSTEM]: other, [other]: own, [own]: SYSTEM }[document.documentElement.dataset.theme ?? SYSTEM];
}
function showTheme() {
  const next = nextTheme();
  theme.textContent = next[0].toUpperCase() + next.slice(1);
  theme.setAttribute("aria-label", next === SYSTEM ? "Use the system’s theme" : `Use the ${next} theme`);
}
theme.addEventListener("click", () => {
  const chosen = nextTheme();
  if (chosen === SYSTEM) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  remember("theme", chosen);
  showTheme();
});
dark.addEventListener("change", showTheme);
theme.hidden = false;
showTheme();

// The agreement table: one cell can be reached by tab, the others by arrow keys; a line says it in words.
const heat = document.querySelector(".heat");
if (heat) {
  const find = (row, column) => heat.querySelector(`[data-row="${row}"][data-column="${column}"]`);
  const say = (cell) => { byId("pair").textContent = cell?.title ?? ""; };
  const size = heat.tBodies[0].rows.length;
  const first = heat.querySelector("[data-row]");
  if (first) first.tabIndex = 0;
  document.querySelector(".measure").hidden = false;
  document.querySelector(".measure").addEventListener("change", (event) => { heat.dataset.measure = event.target.value; });
  heat.addEventListener("mouseover", (event) => { const cell = event.target.closest("[data-row]"); if (cell) say(cell); });
  heat.addEventListener("focusin", (event) => say(event.target.closest("[data-row]")));
  heat.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const cell = event.target.closest("[data-row]");
    if (!step || !cell) return;
    event.preventDefault();
    let [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    let next = null;
    do {
      row += step[0];
      column += step[1];
      next = find(row, column);
    } while (!next && row >= 1 && row <= size && column >= 1 && column <= size);
    if (!next) return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

byId("cards").addEventListener("click", (event) => {
  const button = event.target.closest(".apart");
  if (button) openClass(button.closest("tbody"));
});

// Copying a command; where the browser gives no clipboard, the command is selected instead.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".copy");
  if (!button) return;
  const code = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } catch {
    getSelection().selectAllChildren(code);
  }
});

// On paper: the first examples, and no empty boxes.
function print() {
  cards.fillFirst(MOST_PRINTED);
  const more = cards.size() > MOST_PRINTED ? `The first ${MOST_PRINTED} of ` : "";
  byId("printed").textContent = cards.size() ? `${more}${plural(cards.size(), "divergent example")}` : "";
}
window.addEventListener("beforeprint", print);
matchMedia("print").addEventListener("change", (event) => { if (event.matches) print(); });

start();
