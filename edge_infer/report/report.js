"use strict";

const NONE = "none of these";
const CARD_W = 160;
const CARD_H = 214;
const MARGIN_ROWS = 2; // above and below the window
const OPACITY = 0.75;
const GAMMA = 0.8;
const byId = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const data = JSON.parse(byId("data").textContent);
const answerOf = (entry) => (entry.isKnown ? entry.label : NONE);
const certainty = (entry) => entry.score * (entry.known ?? 1);
const hasTruth = data.entries.some((entry) => entry.truth !== null);
const hasKnown = data.entries.some((entry) => entry.known !== null || !entry.isKnown);

let shown = [];
const cards = new Map(); // number in `shown` -> element, for those near the window

function make(name, text = "", className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function isRight(entry) {
  return entry.truth === null ? null : answerOf(entry) === entry.truth;
}

function mapOf(entry) {
  const { width, height, shares } = entry.map;
  const canvas = make("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${entry.size[0]}px`;
  canvas.style.height = `${entry.size[1]}px`;
  const bytes = Int8Array.from(atob(shares), (letter) => letter.charCodeAt(0));
  const image = new ImageData(width, height);
  bytes.forEach((share, i) => {
    for (let channel = 0; channel < 3; channel += 1) image.data[4 * i + channel] = data.scale[3 * (share + 127) + channel];
    image.data[4 * i + 3] = 255 * OPACITY * (Math.abs(share) / 127) ** GAMMA;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function cardOf(entry) {
  const card = make("article", "", "card");
  card.tabIndex = 0;
  card.classList.toggle("unsure", !entry.certain);
  card.classList.toggle("wrong", isRight(entry) === false);
  const photo = make("div", "", "photo");
  const image = make("img");
  image.src = `data:image/jpeg;base64,${entry.thumbnail}`;
  [image.width, image.height] = entry.size;
  image.alt = "";
  photo.append(image);
  if (entry.map !== null) {
    const addMap = () => {
      if (photo.children.length === 1) photo.append(mapOf(entry));
    };
    if (byId("maps").checked) addMap();
    card.addEventListener("pointerenter", addMap, { once: true });
    card.addEventListener("focusin", addMap, { once: true });
  }
  const answer = make("p", "", "answer");
  answer.append(make("span", answerOf(entry)), make("span", entry.isKnown ? percent(entry.score) : ""));
  const details = [];
  if (entry.truth !== null) details.push(isRight(entry) ? "right" : `is ${entry.truth}`);
  if (entry.known !== null) details.push(`known ${percent(entry.known)}`);
  const link = make("a", entry.name);
  link.href = entry.link;
  link.target = "_blank";
  card.append(photo, answer, make("p", details.join(" · ") || "\u00a0", "detail"), link);
  const ranked = entry.top.map(([label, score]) => `${label} ${percent(score)}`).join(", ");
  card.title = `${entry.name}\n${ranked}`;
  return card;
}

function draw() {
  const grid = byId("grid");
  const columns = Math.max(1, Math.floor(grid.clientWidth / CARD_W));
  const rows = Math.ceil(shown.length / columns);
  grid.style.height = `${rows * CARD_H}px`;
  const top = -grid.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(top / CARD_H) - MARGIN_ROWS) * columns;
  const last = Math.min(shown.length, (Math.ceil((top + window.innerHeight) / CARD_H) + MARGIN_ROWS) * columns);
  for (const [number, card] of cards) {
    if (number >= first && number < last) continue;
    card.remove();
    cards.delete(number);
  }
  for (let number = first; number < last; number += 1) {
    let card = cards.get(number);
    if (card === undefined) {
      card = cardOf(shown[number]);
      cards.set(number, card);
      grid.append(card);
    }
    card.style.left = `${(number % columns) * CARD_W}px`;
    card.style.top = `${Math.floor(number / columns) * CARD_H}px`;
  }
}

let isWaiting = false;
function drawSoon() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    draw();
  });
}

const RULES = {
  label: (entry, value) => answerOf(entry) === value,
  truth: (entry, value) => (entry.truth ?? "") === value.slice(1),
  certain: (entry, value) => entry.certain === (value === "yes"),
  known: (entry, value) => entry.isKnown === (value === "yes"),
  result: (entry, value) => isRight(entry) === (value === "right"),
};
const ORDERS = {
  least: (a, b) => certainty(a) - certainty(b),
  most: (a, b) => certainty(b) - certainty(a),
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
};

function select() {
  const wanted = Object.entries(RULES).map(([name, rule]) => [byId(name).value, rule]).filter(([value]) => value !== "");
  shown = data.entries.filter((entry) => wanted.every(([value, rule]) => rule(entry, value)));
  shown.sort(ORDERS[byId("order").value]);
  for (const card of cards.values()) card.remove();
  cards.clear();
  byId("grid").classList.toggle("all-maps", byId("maps").checked);
  byId("count").value = `${shown.length} of ${data.entries.length} photos`;
  for (const button of document.querySelectorAll("#matrix button")) {
    const isChosen = byId("truth").value === `=${button.dataset.truth}` && byId("label").value === button.dataset.label;
    button.setAttribute("aria-pressed", String(isChosen));
  }
  draw();
}

function choose(truth, label) {
  const isChosen = byId("truth").value === `=${truth}` && byId("label").value === label;
  byId("truth").value = isChosen ? "" : `=${truth}`;
  byId("label").value = isChosen ? "" : label;
  select();
}

function showMatrix() {
  const section = byId("matrix");
  section.hidden = !hasTruth;
  if (!hasTruth) return;
  const counts = new Map();
  for (const entry of data.entries) {
    if (entry.truth === null) continue;
    const key = `${entry.truth}\n${answerOf(entry)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const truths = data.labels.filter((label) => data.entries.some((entry) => entry.truth === label));
  const answers = [...data.labels, ...(hasKnown ? [NONE] : [])].filter(
    (label) => truths.includes(label) || data.entries.some((entry) => entry.truth !== null && answerOf(entry) === label),
  );
  const table = make("table");
  const head = make("tr");
  head.append(make("th", "class folder \\ answer"), ...answers.map((label) => make("th", label)));
  const top = make("thead");
  top.append(head);
  const body = make("tbody");
  for (const truth of truths) {
    const row = make("tr");
    row.append(make("th", truth));
    const total = data.entries.filter((entry) => entry.truth === truth).length;
    for (const label of answers) {
      const count = counts.get(`${truth}\n${label}`) ?? 0;
      const cell = make("td", "", truth === label ? "right" : "wrong");
      cell.style.setProperty("--share", String(count / total));
      const button = make("button", String(count || "·"));
      button.type = "button";
      button.disabled = count === 0;
      button.dataset.truth = truth;
      button.dataset.label = label;
      button.setAttribute("aria-label", `${count} of ${truth} answered ${label}`);
      button.addEventListener("click", () => choose(truth, label));
      cell.append(button);
      row.append(cell);
    }
    body.append(row);
  }
  table.append(top, body);
  section.append(table);
}

function showSummary() {
  const judged = data.entries.filter((entry) => entry.truth !== null);
  const right = judged.filter(isRight).length;
  const certain = data.entries.filter((entry) => entry.certain);
  const parts = [`${data.entries.length} photos, ${certain.length} answered with certainty`];
  if (judged.length) {
    const sure = judged.filter((entry) => entry.certain);
    parts.push(`${right} of ${judged.length} right (${percent(right / judged.length)})`);
    if (sure.length) parts.push(`of the certain ones ${percent(sure.filter(isRight).length / sure.length)}`);
  }
  if (hasKnown) parts.push(`${data.entries.filter((entry) => !entry.isKnown).length} ${NONE}`);
  byId("summary").textContent = parts.join("; ");
}

function fill(name, values, prefix = "") {
  byId(name).replaceChildren(new Option("any", ""), ...values.map((value) => new Option(value || "no class folder", prefix + value)));
}

byId("title").textContent = data.title;
document.title = `${data.title} – edge-infer report`;
byId("model").textContent = data.model;
fill("label", [...data.labels, ...(hasKnown ? [NONE] : [])]);
fill("truth", [...data.labels, ...(data.entries.some((entry) => entry.truth === null) ? [""] : [])], "=");
for (const [name, isUseful] of [["truth", hasTruth], ["result", hasTruth], ["known", hasKnown]]) {
  byId(name).closest("label").hidden = !isUseful;
}
const hasMaps = data.entries.some((entry) => entry.map !== null);
byId("legend").hidden = !hasMaps;
byId("maps").closest("label").hidden = !hasMaps;
byId("failures").hidden = data.failures.length === 0;
byId("failures").querySelector("summary").textContent = `${data.failures.length} could not be answered`;
byId("failures").querySelector("ul").append(...data.failures.map(([name, reason]) => make("li", `${name}: ${reason}`)));
showSummary();
showMatrix();
byId("filters").addEventListener("change", select);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => setTimeout(select));
window.addEventListener("scroll", drawSoon, { passive: true });
window.addEventListener("resize", drawSoon);
select();
