"use strict";

const POLL_MS = 300;
const MESSAGE_MS = 5000;
const byId = (id) => document.getElementById(id);
const percent = (score) => `${(100 * score).toFixed(1)} %`;
const ms = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

let isConnected = false;
let snapshot = null;
let snapshotUntil = 0;

function showPicture() {
  byId("picture").src = `stream.mjpg?${Date.now()}`; // another address, or the browser keeps the ended one
}

function showState(state) {
  const pill = byId("state");
  pill.textContent = { lost: "camera lost, trying again", ended: "ended" }[state.state] ?? state.state;
  pill.className = `pill ${state.state}`;
  if (state.state === "starting") return;
  byId("source").textContent = state.source;
  byId("fps").textContent = state.fps.toFixed(1);
  byId("latency").textContent = ms(state.latency_ms);
  byId("answer-ms").textContent = ms(state.answer_ms);
  byId("dropped").textContent = state.dropped;
  byId("faults").textContent = state.faults;
  byId("viewers").textContent = state.viewers;
  showAnswer(state.answer, state.shows_subject, state.min_known);
  showLatencies(state.latencies_ms);
  byId("map").setAttribute("aria-pressed", String(state.map));
  showKept(state);
}

function showAnswer(answer, showsSubject, minKnown) {
  const isKnown = (shown) => minKnown === null || shown.known >= minKnown;
  const name = (shown) => (isKnown(shown) ? shown.label : "none of these");
  byId("model").textContent = [...new Set([answer.task, answer.model])].join(" · ");
  const faces = answer.faces ?? [];
  const label = byId("label");
  label.textContent = (faces.length > 1 ? faces : [answer]).map(name).join(", ");
  if (!showsSubject) label.textContent = "no face found";
  else if (!answer.certain && isKnown(answer)) label.textContent += " ?";
  label.className = answer.certain ? "" : "unsure";
  const scores = showsSubject ? answer.scores : [];
  byId("scores").replaceChildren(...scores.map((score) => {
    const row = document.createElement("li");
    const value = document.createElement("b");
    const bar = document.createElement("progress");
    row.append(score.label, value, bar);
    value.textContent = percent(score.score);
    bar.max = 1;
    bar.value = score.score;
    return row;
  }));
}

function showLatencies(latencies) {
  if (latencies.length === 0) return;
  const top = Math.max(...latencies, 1);
  const x = (i) => (240 * i) / Math.max(latencies.length - 1, 1);
  const y = (value) => 58 - (54 * value) / top;
  const points = latencies.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  byId("line").setAttribute("points", points.join(" "));
  byId("area").setAttribute("d", `M0,60 L${points.join(" L")} L${x(latencies.length - 1)},60 Z`);
  byId("peak").textContent = `peak ${ms(top)}`;
}

function showKept(state) {
  const record = byId("record");
  record.setAttribute("aria-pressed", String(state.recording !== null));
  record.querySelector("span").textContent = state.recording === null ? "Record" : "Stop";
  if (state.snapshot !== snapshot) {
    snapshot = state.snapshot;
    snapshotUntil = Date.now() + MESSAGE_MS;
  }
  const message = byId("message");
  message.className = state.trouble === null ? "" : "trouble";
  if (state.trouble !== null) message.textContent = state.trouble;
  else if (Date.now() < snapshotUntil) message.textContent = `Saved ${snapshot}`;
  else message.textContent = state.recording === null ? "" : `Recording ${state.recording}`;
}

function showConnection(connected) {
  if (connected && !isConnected) showPicture();
  isConnected = connected;
  for (const button of document.querySelectorAll("button")) button.disabled = !connected;
  if (connected) return;
  byId("state").textContent = "not connected";
  byId("state").className = "pill lost";
}

async function poll() {
  try {
    const response = await fetch("state.json");
    if (!response.ok) throw new Error(response.statusText);
    const state = await response.json();
    showConnection(true);
    showState(state);
  } catch {
    showConnection(false);
  }
  setTimeout(poll, POLL_MS);
}

function press(path) {
  fetch(path, { method: "POST" }).catch(() => showConnection(false));
}

byId("record").addEventListener("click", () => {
  press(byId("record").getAttribute("aria-pressed") === "true" ? "stop-recording" : "record");
});
byId("snapshot").addEventListener("click", () => press("snapshot"));
byId("turn").addEventListener("click", () => press("turn"));
byId("map").addEventListener("click", () => press("map"));
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "e" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!byId("map").disabled) press("map");
});
byId("picture").addEventListener("error", () => setTimeout(() => { isConnected = false; }, 1000));
poll();
