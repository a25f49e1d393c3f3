/* Studio uploads: real bytes, two at a time, in a dock that outlives the page they were dropped on. */

import { csrfToken } from "./csrf.js";
import { icon, make, say, size } from "./live.js";
import { refresh } from "./navigation.js";

const AT_ONCE = 2;
const LOOK_EVERY_MS = 1500;
const WORDS = { waiting: "waiting", uploading: "uploading", checking: "checking", making: "making formats", ready: "ready", needs_you: "needs you" };
const OPEN = new Set(["waiting", "uploading", "checking", "making"]);

const dock = document.getElementById("dock");
const list = dock.querySelector("[data-dock-list]");
const jobs = [];
const watched = new Map(); // status address -> the selector to fetch again when something changed
const stale = new Set(); // status addresses whose page shows less than is known
let looking = 0;

/* --- Taking files -------------------------------------------------------------------------------------------- */

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-upload]");
  if (!form || event.target.type !== "file") return;
  take(form, event.target.files);
  event.target.value = "";
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("form[data-upload]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  take(form, form.querySelector("input[type=file]").files);
}, true);

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const drop = event.target.closest?.("form[data-upload] .drop, form[data-upload].drop");
    if (!drop) return;
    event.preventDefault();
    drop.classList.toggle("is-over", name === "dragover");
    if (name === "drop") take(drop.closest("form"), event.dataTransfer.files);
  });
}

function take(form, files) {
  for (const file of files) {
    const job = { file, state: "waiting", sent: 0, url: form.dataset.uploadUrl, statusUrl: form.dataset.statusUrl, since: 0, reason: "", id: null };
    jobs.push(job);
    draw(job);
    if (form.dataset.statusUrl) watched.set(form.dataset.statusUrl, form.dataset.refresh || "#main");
  }
  if (!files.length) return;
  dock.hidden = false;
  dock.open = true;
  say(`${files.length} ${files.length === 1 ? "file is" : "files are"} on the way.`);
  pump();
}

function pump() {
  const free = AT_ONCE - jobs.filter((job) => job.state === "uploading").length;
  for (const job of jobs.filter(isUnsent).slice(0, Math.max(0, free))) send(job);
  sum();
}

/** Waiting here to be sent; with an id it waits at the server, to be checked. */
const isUnsent = (job) => job.state === "waiting" && job.id === null;

/* --- Sending --------------------------------------------------------------------------------------------------- */

function send(job) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("file", job.file, job.file.name);
  job.since = Date.now();
  set(job, "uploading");
  request.upload.addEventListener("progress", (event) => { job.sent = event.loaded; draw(job); sum(); });
  request.upload.addEventListener("load", () => set(job, "checking"));
  request.addEventListener("load", () => arrived(job, request));
  request.addEventListener("error", () => set(job, "needs_you", "The connection broke off. Nothing of this file was kept: send it again.", true));
  request.open("POST", job.url);
  request.setRequestHeader("X-CSRFToken", csrfToken());
  request.setRequestHeader("Accept", "application/json");
  request.send(body);
}

function arrived(job, request) {
  let answer = {};
  try { answer = JSON.parse(request.responseText); } catch { /* not ours: a proxy's page */ }
  if (request.status >= 400 || !answer.id) {
    const why = answer.error ?? (request.status === 413 ? "The file is too big." : "The server did not take the file. Send it again.");
    set(job, "needs_you", why, request.status >= 500 || request.status === 401);
  } else {
    job.id = answer.id;
    set(job, OPEN.has(answer.state) || answer.state in WORDS ? answer.state : "checking", answer.reason ?? "");
    look();
  }
  pump();
}

function set(job, state, reason = "", isWorthRetry = false) {
  Object.assign(job, { state, reason, isWorthRetry });
  draw(job);
  sum();
  if (state === "needs_you") pump();
}

/* --- Following what the server does with them --------------------------------------------------------------------- */

async function look() {
  clearTimeout(looking);
  let isOpen = false;
  for (const [url, selector] of watched) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } }).then((response) => (response.ok ? response.json() : null)).catch(() => undefined);
    if (answer === null) { watched.delete(url); continue; }
    if (!answer) { isOpen = true; continue; }
    if (follow(url, answer.uploads ?? [])) stale.add(url);
    const isDone = answer.done && !jobs.some((job) => job.statusUrl === url && OPEN.has(job.state));
    const isHere = document.querySelector(`form[data-status-url="${CSS.escape(url)}"]`) !== null;
    // What is shown is renewed as soon as nobody types in it; typing beside it is not disturbed.
    if (!isHere || (stale.has(url) && !isSomebodyTyping(selector) && (await refresh(selector).catch(() => false)))) stale.delete(url);
    if (isDone && !stale.has(url)) watched.delete(url);
    else isOpen = true;
  }
  if (isOpen) looking = setTimeout(look, LOOK_EVERY_MS);
}

function follow(url, uploads) {
  let hasChanged = false;
  for (const one of uploads) {
    const job = jobs.find((other) => other.statusUrl === url && other.id === one.id);
    if (!job || job.state === one.state || !(one.state in WORDS)) continue;
    set(job, one.state, one.reason ?? "");
    hasChanged = true;
  }
  return hasChanged;
}

function isSomebodyTyping(selector) {
  const active = document.activeElement;
  return Boolean(document.querySelector(selector)?.contains(active) && active.matches("input:not([type=file]), textarea, select"));
}

/* --- What is seen ---------------------------------------------------------------------------------------------------- */

function draw(job) {
  job.node ??= list.appendChild(make("li", { className: "upload" }));
  const isUploading = job.state === "uploading";
  const words = isUploading ? `${size(job.sent)} of ${size(job.file.size)}${left(job)}` : job.state === "waiting" && job.id ? "waiting to be checked" : WORDS[job.state];
  job.node.dataset.state = job.state;
  const parts = [make("span", { className: "upload__name", text: job.file.name }), make("span", { className: "upload__state", text: words })];
  if (isUploading) parts.push(make("progress", { max: job.file.size || 1, value: job.sent, "aria-label": job.file.name }));
  if (job.reason) parts.push(make("span", { className: "upload__reason", text: job.reason }));
  if (job.isWorthRetry) {
    const again = make("button", { className: "btn btn--small", type: "button" }, icon("refresh"), "Send again");
    again.addEventListener("click", () => { set(job, "waiting"); pump(); });
    parts.push(again);
  }
  job.node.replaceChildren(...parts);
}

/** Seconds left at the speed since the start; silent until there is something to reckon with. */
function left(job) {
  const seconds = (Date.now() - job.since) / 1000;
  if (seconds < 1 || !job.sent) return "";
  return `, ${Math.ceil((job.file.size - job.sent) / (job.sent / seconds))} s left`;
}

function sum() {
  const open = jobs.filter((job) => OPEN.has(job.state)).length;
  const stuck = jobs.filter((job) => job.state === "needs_you").length;
  dock.querySelector("[data-dock-title]").textContent = open ? `${open} of ${jobs.length} on the way` : stuck ? `${stuck} need${stuck === 1 ? "s" : ""} you` : "All files are ready";
  const sent = jobs.reduce((total, job) => total + (isUnsent(job) ? 0 : job.state === "uploading" ? job.sent : job.file.size), 0);
  dock.querySelector("[data-dock-foot]").textContent = `${size(sent)} of ${size(jobs.reduce((total, job) => total + job.file.size, 0))}`;
}

dock.querySelector("[data-dock-clear]").addEventListener("click", () => {
  for (const job of jobs.filter((one) => !OPEN.has(one.state))) {
    job.node.remove();
    jobs.splice(jobs.indexOf(job), 1);
  }
  if (jobs.length) sum();
  else dock.hidden = true;
});

addEventListener("beforeunload", (event) => {
  if (jobs.some((job) => isUnsent(job) || job.state === "uploading")) event.preventDefault();
});
