// One example as elements. Everything that comes from files is set as text, never as markup.

const part = (name) => document.getElementById(name).content;
const clone = (name) => part(name).firstElementChild.cloneNode(true);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const linkTo = (id) => `#${new URLSearchParams({ example: id })}`.replaceAll("+", "%20");
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// Margins come with the digits that are shown; every form of the report writes them like this.
function showMargin(value) {
  if (value === null || value === undefined) return "–";
  const text = value !== 0 && Math.abs(value) < 0.0001 ? value.toExponential() : String(value);
  return text.replace(/(?<=e[+-])(?=\d$)/, "0");
}

// Length of a margin's bar, of 80: logarithmic from a millionth to a hundred.
const barLength = (value) => (value > 0 ? Math.min(80, Math.max(1, 10 * (Math.log10(value) + 6))) : 0);

function makeNumber(value, baseline) {
  const cell = clone("class-number");
  cell.firstElementChild.textContent = value;
  const label = data.labels[value];
  if (label === undefined) cell.lastElementChild.remove();
  else { cell.lastElementChild.textContent = label; cell.lastElementChild.title = label; }
  markDiffering(cell, value !== baseline);
  return cell;
}

function markDiffering(cell, differs) {
  if (!differs) return;
  cell.classList.add("differs");
  cell.append(element("span", "sr", "not as in the baseline"));
}

function makeCase(tuple, baseline) {
  const cell = clone("class-case");
  const name = nameCase(...tuple);
  cell.firstElementChild.textContent = name;
  cell.lastElementChild.textContent = data.meanings[name];
  markDiffering(cell, name !== nameCase(...baseline));
  return cell;
}

function makeMember(row, place) {
  const line = clone("member");
  line.firstElementChild.tabIndex = -1;
  const [name, original, attribute, bars, stage] = line.children;
  name.textContent = name.title = data.environments[place];
  if (place === row[BASELINE]) name.append(element("span", "tag", "baseline"));
  const [first, second] = row[MARGINS] ? row[MARGINS].slice(2 * place, 2 * place + 2) : [];
  original.textContent = showMargin(first);
  attribute.textContent = showMargin(second);
  if (row[MARGINS]) {
    const [upper, lower] = bars.firstElementChild.children;
    upper.setAttribute("d", `M0 4h${barLength(first).toFixed(1)}`);
    lower.setAttribute("d", `M0 10h${barLength(second).toFixed(1)}`);
  } else bars.replaceChildren();
  stage.textContent = place === row[BASELINE] || !departing(row).includes(place) ? "" : nameStage(row, place);
  stage.title = (stage.textContent && data.controls[data.environments[place]]) ?? "";
  return line;
}

function nameStage(row, place) {
  const stage = stageOf(row, place);
  const measured = groupOf(row, place)?.[3];
  if (stage === NOWHERE) return measured ? `${data.as} ${showName(measured)}` : data.notMeasured;
  const ratio = row[RATIOS] && row[RATIOS][place];
  return data.stageNames[stage] + (ratio ? ` (${ratio})` : "");
}

// A class of many environments shows one of them and names the others, until they are asked for one by one.
const MOST_APART = 3;
const apart = new Set();
const classes = new WeakMap();

function makeClass(row, place) {
  const body = document.createElement("tbody");
  body.setAttribute("role", "rowgroup");
  classes.set(body, [row, place]);
  fillClass(body);
  return body;
}

function fillClass(body) {
  const [row, place] = classes.get(body);
  const one = row[CLASSES][place];
  const [baseline] = row[CLASSES];
  const cells = [0, 1, 2].map((number) => makeNumber(one[number], baseline[number]));
  cells.push(makeCase(one.slice(0, 3), baseline.slice(0, 3)));
  const members = [...one[MEMBERS]].sort((a, b) => (b === row[BASELINE]) - (a === row[BASELINE]));
  const isFolded = members.length > MOST_APART && !apart.has(keyOf(row, place));
  const lines = members.slice(0, isFolded ? 1 : members.length).map((member) => makeMember(row, member));
  if (isFolded) lines.push(makeOthers(row, members.slice(1)));
  for (const cell of cells) cell.rowSpan = lines.length;
  lines[0]?.prepend(...cells);
  body.replaceChildren(...lines);
}

const keyOf = (row, place) => `${place} ${row[ID]}`;

function showRange(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (!known.length) return "";
  const [low, high] = [showMargin(Math.min(...known)), showMargin(Math.max(...known))];
  return low === high ? low : `${low} to ${high}`;
}

function makeOthers(row, members) {
  const line = clone("others");
  const [button, names, ranges] = line.firstElementChild.children;
  button.textContent = `and ${members.length} more`;
  names.textContent = members.map((place) => data.environments[place]).join(", ");
  const margins = row[MARGINS] || [];
  const isKnown = (place) => stageOf(row, place) !== NOWHERE || groupOf(row, place)?.[3];
  const said = [["original margin", showRange(members.map((place) => margins[2 * place]))],
    ["attribute margin", showRange(members.map((place) => margins[2 * place + 1]))],
    ["first stage", [...new Set(members.filter(isKnown).map((place) => nameStage(row, place)))].join(", ")]];
  ranges.textContent = said.filter(([, text]) => text).map(([name, text]) => ` · ${name} ${text}`).join("");
  return line;
}

function openClass(body) {
  apart.add(keyOf(...classes.get(body)));
  fillClass(body);
  body.querySelector(".member").focus();
}

function makePicture(source, className, alt, caption) {
  const figure = clone("picture");
  const image = figure.firstElementChild;
  image.src = source;
  image.alt = alt;
  if (className) image.className = className;
  figure.lastElementChild.textContent = caption;
  return figure;
}

const NO_PICTURE = ["not drawn: only the first ones are", "its file is not here, or was changed since"];
function makePictures(row) {
  const picture = row[PICTURE];
  if (typeof picture === "number") {
    const figure = clone("no-picture");
    figure.querySelector("title").textContent = `no picture of ${showName(row[ID])}`;
    figure.lastElementChild.textContent = NO_PICTURE[picture];
    return [figure];
  }
  const [input, perturbation, factor] = picture;
  const figures = [makePicture(input, "", `input of ${showName(row[ID])}`, "input")];
  if (perturbation) {
    const caption = `perturbation ×${factor}`;
    figures.push(makePicture(perturbation, "pixels", `${caption} of ${showName(row[ID])}, on grey`, caption));
  }
  return figures;
}

function nameVerdict(row, members) {
  const group = groupOf(row, members[0]);
  return group ? [element("span", `verdict-word ${group[1]}`, group[1]), ` ${group[0]}: `] : [];
}

function makeReasons(row) {
  const say = (kind) => ([text, members]) => {
    const line = element("p");
    line.append(element("span", "label", `${kind} `), ...(kind === "Cause" ? nameVerdict(row, members) : []), element("span", "words", text));
    line.append(element("span", "label", ` (${members.map((place) => data.environments[place]).join(", ")})`));
    return line;
  };
  return [...row[CAUSES].map(say("Cause")), ...row[EXPECTED].map(say("Expected"))];
}

// A word as a shell takes it; nothing for one with characters that no shell should be fed.
function quoteWord(text) {
  if (/(?! )[\p{C}\p{Z}]/u.test(text)) return "";
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function writeCommand(row) {
  const places = [row[BASELINE], ...departing(row)];
  const pieces = places.map((place) => data.options[place]);
  const options = new Set(pieces.map((piece) => piece?.[1]));
  // Executions of one environment are asked for together; one environment of two runs cannot be.
  const environments = new Set(places.map((place) => data.environments[place].replace(/#\d+(?=@|$)/, "")));
  const example = quoteWord(row[ID]);
  const isOneRun = pieces.every((piece) => piece && piece[0] === pieces[0][0]);
  if (!example || !isOneRun || options.size < environments.size) return data.again;
  return [data.starts[pieces[0][0]], "--example", example, ...options].join(" ");
}

function fillHead(card, row) {
  const [head] = card.children;
  const link = head.querySelector(".id");
  link.textContent = showName(row[ID]);
  link.href = linkTo(row[ID]);
  const source = row[SOURCE] && row[SOURCE] !== showName(row[ID]) ? ` of ${row[SOURCE]}` : "";
  head.querySelector(".attack").textContent = data.attacks[row[ATTACK]] + source;
  const changed = row[CLASSES].slice(1).reduce((bits, one) => bits | one[CHANGED], 0);
  data.changeNames.forEach((name, place) => {
    if (changed & (1 << place)) head.querySelector(".what").append(element("span", "change", name), " ");
  });
  const register = head.querySelector(".register");
  const expected = isExpected(row);
  register.textContent = expected ? "expected" : row[EXPECTED].length ? "expected in part" : "unexpected";
  register.classList.add(expected ? "expected" : "unexpected");
  const all = row[CLASSES].reduce((sum, one) => sum + one[MEMBERS].length, 0);
  const nearest = row[SMALLEST] === null ? "" : ` · smallest margin ${showMargin(row[SMALLEST])}`;
  head.querySelector(".nearness").textContent = `${departing(row).length} of ${all} depart${nearest}`;
}

let cardCount = 0;
function makeCard(row, place, total) {
  const card = clone("card");
  fillHead(card, row);
  const title = card.querySelector("h3");
  title.id = `card-${++cardCount}`;
  card.setAttribute("aria-labelledby", title.id);
  card.setAttribute("aria-posinset", place + 1);
  card.setAttribute("aria-setsize", total);
  card.querySelector(".pictures").append(...makePictures(row));
  card.querySelector("table").append(...row[CLASSES].map((_, number) => makeClass(row, number)));
  card.querySelector("table").setAttribute("aria-label", `Tuples of ${showName(row[ID])}`);
  card.querySelector(".reasons").append(...makeReasons(row));
  const command = writeCommand(row);
  if (command) card.querySelector("code").textContent = command;
  else card.querySelector(".again").remove();
  return card;
}

function makeLine(row) {
  const line = clone("line");
  const [link, attack, tuple, name, labels, margin] = line.children;
  const values = row.slice(TUPLE, TUPLE + 3);
  link.textContent = showName(row[ID]);
  link.href = linkTo(row[ID]);
  attack.textContent = data.attacks[row[ATTACK]];
  tuple.textContent = values.join("-");
  const caseName = nameCase(...values);
  name.textContent = `${caseName} ${data.meanings[caseName]}`;
  labels.textContent = [...new Set(values)].map((value) => data.labels[value]).filter(Boolean).join(", ");
  margin.textContent = showMargin(row[LINE_SMALLEST]);
  return line;
}

const MOST_NAMED = 40;
function makeLoss([environment, reason, examples]) {
  const line = clone("loss");
  const [name, why, which] = line.children;
  name.textContent = environment;
  why.textContent = `${reason}:`;
  const more = examples.length - MOST_NAMED;
  which.textContent = examples.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
  return line;
}
