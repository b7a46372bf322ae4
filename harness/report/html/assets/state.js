"use strict";
// The rows of the page, what is asked of them, and the address that says so.

const data = JSON.parse(document.getElementById("data").textContent);

// Places in a row, as rows.py writes it.
const ID = 0, ATTACK = 1, SOURCE = 2;
const BASELINE = 3, CLASSES = 4, MARGINS = 5, STAGES = 6, SMALLEST = 7, EXPECTED = 8, CAUSES = 9, PICTURE = 10, GROUPS = 11, RATIOS = 12;
const TUPLE = 3, LINE_SMALLEST = 6;
const CHANGED = 3, MEMBERS = 4; // in a class, after its three numbers

const FILTERS = ["q", "attack", "case", "environment", "change", "stage", "cause", "verdict", "register", "together", "sort"];
const VIEWS = ["why", "ladder", "at"]; // which cause is open, which ladder is looked at, and where: this narrows nothing
const SORTS = { matters: "what matters", margin: "smallest margin", wide: "largest margin", most: "most departing", id: "example" };

function readState(hash) {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const state = Object.fromEntries(FILTERS.map((name) => [name, asked.get(name) || ""]));
  for (const name of VIEWS) state[name] = asked.get(name) || "";
  state.example = asked.get("example");
  return state;
}

function writeState(state) {
  const said = new URLSearchParams();
  for (const name of [...FILTERS, ...VIEWS]) if (state[name]) said.set(name, state[name]);
  if (state.example) said.set("example", state.example);
  const hash = said.toString().replaceAll("+", "%20");
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

// An address without `=` names a section, and asks nothing of the examples.
const isQuery = (hash) => hash.includes("=");

function nameCase(gold, original, attribute) {
  if (original === gold) return attribute === gold ? "X-X-X" : "X-X-Y";
  if (attribute === gold) return "X-Y-X";
  return attribute === original ? "X-Y-Y" : "X-Y-Z";
}

const isExpected = (row) => {
  const said = new Set(row[EXPECTED].flatMap(([, members]) => members));
  return row[CLASSES].slice(1).every((one) => one[MEMBERS].every((place) => said.has(place)));
};

// Tuples of a divergence's classes, or the one of an agreeing example.
const tuplesOf = (row) => (row.length > 7 ? row[CLASSES].map((one) => one.slice(0, 3)) : [row.slice(TUPLE, TUPLE + 3)]);

// A name with an escape for every character that is not to be seen, or turns the direction of writing.
const codes = data.hidden.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`);
const hidden = new RegExp(`[${codes.join("")}]`, "gu");
const escapeCode = (code) => (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : code < 0x10000
  ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`);
const showName = (name) => name.replaceAll(hidden, (one) => escapeCode(one.codePointAt(0)));

const departing = (row) => row[CLASSES].slice(1).flatMap((one) => one[MEMBERS]);

function describe(row, numbers) {
  const labels = [...new Set(numbers)].map((number) => `${number} ${data.labels[number] ?? ""}`);
  return [showName(row[ID]), row[SOURCE] || "", ...labels].join("\n").toLowerCase();
}

const texts = new Map();
function textOf(row) {
  let text = texts.get(row);
  if (text === undefined) {
    texts.set(row, (text = describe(row, tuplesOf(row).flat())));
  }
  return text;
}

function departs(row, state, environment) {
  const change = data.changes.indexOf(state.change);
  const stage = state.stage === "none" ? NOWHERE : data.stages.indexOf(state.stage);
  return row[CLASSES].slice(1).some((one) =>
    (!state.change || one[CHANGED] & (1 << change)) &&
    one[MEMBERS].some((place) =>
      (!state.environment || place === environment) && (!state.stage || stageOf(row, place) === stage) &&
      (!(state.cause || state.verdict) || isExplained(groupOf(row, place), state))));
}

const NOWHERE = -1; // stands for no stage and no group
const stageOf = (row, place) => (row[STAGES] ? row[STAGES][place] : NOWHERE);
const groupOf = (row, place) => (row[GROUPS] ? data.causes[row[GROUPS][place]] : undefined);
const isExplained = (group, state) =>
  group !== undefined && (!state.cause || group[0] === state.cause || group[2] === state.cause) && (!state.verdict || group[1] === state.verdict);

function matchCommon(row, state, attack, words) {
  if (state.attack && row[ATTACK] !== attack) return false;
  return words.every((word) => textOf(row).includes(word));
}

function select(state) {
  const attack = data.attacks.indexOf(state.attack);
  const environment = data.environments.indexOf(state.environment);
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const together = state.together && placesOf(state.together.split("\n"));
  const isAsked = state.change || state.stage || state.environment || state.cause || state.verdict;
  const rows = data.divergences.filter((row) =>
    (!isAsked || departs(row, state, environment)) &&
    (!state.case || tuplesOf(row).some((one) => nameCase(...one) === state.case)) &&
    (!state.register || isExpected(row) === (state.register === "expected")) &&
    (!together || placesOf(departing(row).map((place) => data.environments[place])) === together) &&
    matchCommon(row, state, attack, words));
  const lines = data.agreeing.filter((row) =>
    (!state.case || nameCase(...tuplesOf(row)[0]) === state.case) && matchCommon(row, state, attack, words));
  return { rows: sortRows(rows, state.sort, SMALLEST), lines: sortRows(lines, state.sort, LINE_SMALLEST) };
}

const placesOf = (names) => names.map((name) => data.environments.indexOf(name)).sort((a, b) => a - b).join();

const natural = new Intl.Collator("en", { numeric: true });

function sortRows(rows, sort, margin) {
  const keyed = (key) => rows.map((row, place) => [key(row), place, row]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((one) => one[2]);
  if (sort === "margin") return keyed((row) => row[margin] ?? Infinity);
  if (sort === "wide") return keyed((row) => -(row[margin] ?? -Infinity));
  if (sort === "most" && margin === SMALLEST) return keyed((row) => -departing(row).length);
  if (sort === "id") return [...rows].sort((a, b) => natural.compare(a[ID], b[ID]));
  return rows;
}
