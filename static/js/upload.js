/* Studio uploads: whatever is dropped on the page goes up in pieces, two files at a time, and survives reloads and days. */

import { csrfToken, post } from "./csrf.js";
import { begin, draw, drawAll, remove } from "./dock.js";
import { dropped, forget, recall, remember, reopen, sentence, sorted } from "./drops.js";
import { say, size, toast } from "./live.js";
import { go, refresh } from "./navigation.js";
import { Refusal, Sending } from "./tus.js";

const AT_ONCE = 2;
const LOOK_EVERY_MS = 1500;
const HINT = "megabox-uploads"; // kept while something is unfinished, so that other pages ask for it after a reload
const UNSENT = new Set(["waiting", "uploading", "paused"]);
const ATTENDED = new Set(["waiting", "checking", "making"]);

const jobs = [];
const watched = new Map(); // status address -> the selector to fetch again when something changed
const stale = new Set(); // status addresses whose page shows less than is known
let looking = 0;

/* --- Taking files -------------------------------------------------------------------------------------------- */

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-upload]");
  if (!form || event.target.type !== "file") return;
  take(form.closest("[data-transfers-url]").dataset, asItems(event.target.files));
  event.target.value = "";
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("form[data-upload]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  take(form.closest("[data-transfers-url]").dataset, asItems(form.querySelector("input[type=file]").files));
}, true);

const asItems = (files) => [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

/** Files for the album that `to` names: its addresses, its title, what to fetch again when they changed it. */
function take(to, items) {
  const { wanted, left } = sorted(items);
  const known = new Map(jobs.filter((job) => !job.file && job.url).map((job) => [job.fingerprint, job]));
  let count = 0;
  for (const { file, handle } of wanted) {
    const job = known.get(fingerprint(file));
    if (job) resume(job, file);
    else jobs.push(make(to, { file, handle, name: file.name, size: file.size, fingerprint: fingerprint(file) }));
    count += 1;
  }
  const told = sentence(left);
  if (told) toast(told, { seconds: 20 });
  if (!count) return;
  begin();
  say(`${count} ${count === 1 ? "file is" : "files are"} on the way${to.album ? ` to “${to.album}”` : ""}. ${told}`);
  pump();
}

function make(to, told) {
  const job = { state: "waiting", sent: 0, reason: "", note: "", id: null, url: "", since: 0, from: 0, album: to.album, createUrl: to.transfersUrl, statusUrl: to.statusUrl, ...told };
  watched.set(job.statusUrl, to.refresh || "#main");
  draw(job, press);
  return job;
}

const fingerprint = (file) => `${file.size}-${file.lastModified}-${file.name}`.slice(0, 180);

/* --- Dropping anywhere ------------------------------------------------------------------------------------------ */

const over = document.createElement("div");
over.className = "drop-over";
over.hidden = true;
document.body.append(over);

/** Where a drop on this page goes: an album, or a new one of an artist. */
function places() {
  const album = document.querySelector("#main [data-transfers-url]")?.dataset;
  if (album) return [{ text: `Drop to add to “${album.album}”`, to: album }];
  const list = document.querySelector("#main [data-drop-new]");
  const artists = [...(list?.children ?? [])];
  return artists.map((one) => ({ text: `Drop to start an album${artists.length > 1 ? ` of ${one.textContent}` : ""}`, newUrl: list.dataset.dropNew, artist: one.dataset.artist }));
}

function show() {
  over.replaceChildren(...places().map((place) => {
    const box = document.createElement("p");
    box.className = "drop-over__place";
    box.textContent = place.text;
    box.place = place;
    return box;
  }));
  over.hidden = false;
}

for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault(); // a file that misses would replace the page, and stop the music
    const found = places();
    if (name === "dragleave" ? !event.relatedTarget : name === "drop") over.hidden = true;
    else if (name !== "dragleave" && found.length && over.hidden) show();
    if (!found.length) event.dataTransfer.dropEffect = "none";
    const box = over.children.length === 1 ? over.firstChild : event.target.closest?.(".drop-over__place");
    for (const one of over.children) one.classList.toggle("is-over", one === box);
    const place = box?.place ?? (found.length === 1 ? found[0] : null);
    if (name === "drop" && place) void drop(place, dropped(event.dataTransfer));
  });
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape") over.hidden = true; });

async function drop(place, reading) {
  const { items, name } = await reading;
  if (place.to) return take(place.to, items);
  const { wanted, left } = sorted(items);
  if (!wanted.length) return toast(sentence(left) || "There was no file in it.", { kind: "error" });
  const body = new FormData();
  body.append("name", name);
  body.append("artist", place.artist);
  const answer = await post(place.newUrl, body).catch(() => null);
  const told = await answer?.json().catch(() => null);
  if (!answer?.ok || !told) return toast(told?.error ?? "The album could not be started. Check your connection and drop the files again.", { kind: "error" });
  take({ album: told.title, transfersUrl: told.transfers_url, statusUrl: told.status_url, refresh: "#progress" }, items);
  go(told.url);
}

/* --- Sending --------------------------------------------------------------------------------------------------- */

const isUnsent = (job) => job.state === "waiting" && job.id === null && job.file;

function pump() {
  const free = AT_ONCE - jobs.filter((job) => job.state === "uploading").length;
  for (const job of jobs.filter(isUnsent).slice(0, Math.max(0, free))) void send(job);
  sum();
}

async function send(job) {
  job.sending = new Sending(job.file, {
    url: job.url,
    createUrl: job.createUrl,
    metadata: { filename: job.name, fingerprint: job.fingerprint },
    created(url) {
      job.url = url;
      void remember(url, job.handle);
    },
    moved(bytes) {
      if (!job.since || bytes < job.from) Object.assign(job, { since: Date.now(), from: bytes });
      Object.assign(job, { sent: bytes, note: "" });
      draw(job, press);
      sum();
    },
    waits(seconds) {
      job.note = navigator.onLine ? `no answer, next try in ${seconds} s` : "waiting for the connection";
      job.since = 0;
      draw(job, press);
    },
  });
  set(job, "uploading", { since: 0 });
  try {
    if (await job.sending.run()) {
      set(job, "checking");
      void forget(job.url);
      look();
    }
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    const mayRetry = [0, 401, 403, 422, 507].includes(fault.status);
    if (fault.isFileLost) lose(job, fault.message);
    else set(job, "needs_you", { reason: fault.message, mayRetry });
  }
  pump();
}

/** The file is not at hand: say from where on it is wanted again. */
function lose(job, why = "") {
  const percent = Math.floor((100 * job.sent) / job.size);
  const action = job.hasHandle ? "Press “Go on”" : `Choose “${job.name}” again`;
  set(job, "needs_you", { file: null, reason: `${why} ${action} to go on from ${percent} %.`.trim(), mayRetry: false });
}

/** Go on with the transfer of `job`, if `file` is the one it began with. */
function resume(job, file) {
  if (job.fingerprint && fingerprint(file) !== job.fingerprint) {
    const why = file.size === job.size && file.name === job.name ? "This file was changed since." : `“${file.name}” (${size(file.size)}) is another file.`;
    set(job, "needs_you", { reason: `${why} Choose the very same “${job.name}” (${size(job.size)}), or cancel and drop the new one.` });
    return;
  }
  set(job, "waiting", { file });
  pump();
}

function set(job, state, more = {}) {
  const before = job.state;
  Object.assign(job, { state, reason: "", note: "", mayRetry: false, ...more });
  draw(job, press);
  sum();
  if (state === "needs_you" && before !== state) {
    say(`${job.name} needs you. ${job.reason}`);
    pump();
  }
}

/* --- What people press -------------------------------------------------------------------------------------------- */

const acts = {
  pause(job) {
    set(job, "paused");
    job.sending?.stop();
    pump();
  },
  resume(job) {
    set(job, "waiting");
    pump();
  },
  retry(job) {
    acts.resume(job);
  },
  async reopen(job) {
    const file = await reopen(job.url, { mayAsk: true });
    job.hasHandle = Boolean(file);
    if (file) resume(job, file);
    else lose(job, "The browser may not read it by itself.");
  },
  choose(job, input) {
    if (input.files[0]) resume(job, input.files[0]);
    input.value = "";
  },
  async cancel(job) {
    job.sending?.stop();
    if (job.url && job.id === null) {
      void forget(job.url);
      await fetch(job.url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", "X-CSRFToken": csrfToken() } }).catch(() => {});
    }
    discard(job);
    pump();
  },
};

function press(act, job, input) {
  void acts[act](job, input);
}

function discard(job) {
  remove(job);
  jobs.splice(jobs.indexOf(job), 1);
}

document.getElementById("dock").addEventListener("click", (event) => {
  const act = event.target.closest?.("[data-dock-act]")?.dataset.dockAct;
  if (act === "clear") for (const job of jobs.filter((one) => one.state === "ready" || (one.state === "needs_you" && one.url === "" && one.file === null))) discard(job);
  if (act === "pause") for (const job of jobs.filter((one) => one.state === "uploading" || isUnsent(one))) acts.pause(job);
  if (act === "resume") for (const job of jobs.filter((one) => one.state === "paused")) acts.resume(job);
  if (act) sum();
});

/* --- Following what the server does with them --------------------------------------------------------------------- */

const json = (url) => fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } }).then((response) => (response.ok ? response.json() : null)).catch(() => undefined);

async function look() {
  clearTimeout(looking);
  looking = 0;
  for (const job of jobs.filter((one) => one.state === "checking" && one.id === null && one.url)) await settle(job);
  let isOpen = false;
  for (const [url, selector] of watched) {
    const here = jobs.filter((job) => job.statusUrl === url);
    if (!here.some((job) => job.id !== null) && !stale.has(url)) { isOpen ||= here.some((job) => ATTENDED.has(job.state)); continue; }
    const answer = await json(url);
    if (answer === null) { watched.delete(url); continue; }
    if (!answer) { isOpen = true; continue; }
    if (follow(url, answer.uploads ?? [])) stale.add(url);
    const isDone = answer.done && !jobs.some((job) => job.statusUrl === url && (UNSENT.has(job.state) || ATTENDED.has(job.state)));
    const isHere = document.querySelector(`[data-status-url="${CSS.escape(url)}"] #progress`) !== null;
    // What is shown is renewed as soon as nobody types in it; typing beside it is not disturbed.
    if (!isHere || (stale.has(url) && !isSomebodyTyping(selector) && (await refresh(selector).catch(() => false)))) stale.delete(url);
    if (isDone && !stale.has(url)) watched.delete(url);
    else isOpen = true;
  }
  sum();
  if (isOpen && !looking) looking = setTimeout(look, LOOK_EVERY_MS);
}

/** What became of a file that is wholly sent: an upload, as many as were in the zip, the cover, or a refusal. */
async function settle(job) {
  const told = await json(job.url);
  if (told === null) return set(job, "needs_you", { reason: "The server does not know this file any more. Drop it here again.", url: "", file: null });
  if (told?.state === "refused") return set(job, "needs_you", { reason: told.reason });
  if (told?.state !== "ended") return;
  stale.add(job.statusUrl);
  if (told.uploads.length === 1 && !told.reason) return set(job, state(told.uploads[0]), { id: told.uploads[0].id, reason: told.uploads[0].reason });
  set(job, "ready", { reason: told.reason, id: 0 });
  for (const one of told.uploads) jobs.push(make({ album: job.album, transfersUrl: job.createUrl, statusUrl: job.statusUrl, refresh: watched.get(job.statusUrl) }, { name: one.filename, size: one.size, sent: one.size, id: one.id, state: state(one), reason: one.reason, file: null }));
}

const state = (upload) => upload.state;

function follow(url, uploads) {
  let hasChanged = false;
  for (const one of uploads) {
    const job = jobs.find((other) => other.statusUrl === url && other.id === one.id);
    if (!job || (job.state === state(one) && job.label === one.label)) continue;
    hasChanged ||= job.state !== state(one);
    set(job, state(one), { reason: one.reason ?? "", label: one.label });
  }
  return hasChanged;
}

function isSomebodyTyping(selector) {
  const active = document.activeElement;
  return Boolean(document.querySelector(selector)?.contains(active) && active.matches("input:not([type=file]), textarea, select"));
}

function sum() {
  const wasOpen = sum.isOpen;
  sum.isOpen = jobs.some((job) => UNSENT.has(job.state) || ATTENDED.has(job.state));
  drawAll(jobs);
  if (wasOpen && !sum.isOpen && jobs.every((job) => job.state === "ready")) say("All files are ready.");
  try {
    if (jobs.some((job) => UNSENT.has(job.state) || job.state === "needs_you")) localStorage.setItem(HINT, "1");
    else localStorage.removeItem(HINT);
  } catch { /* no storage: the studio's pages ask anyway */ }
}

/* --- After a reload -------------------------------------------------------------------------------------------------- */

async function restore() {
  const told = await json("/studio/transfers/");
  for (const one of told?.transfers ?? []) {
    const hasHandle = Boolean(await recall(one.url));
    const job = make({ album: one.album, transfersUrl: one.transfers_url, statusUrl: one.status_url, refresh: "#progress" }, { name: one.filename, size: one.size, sent: one.offset, url: one.url, fingerprint: one.fingerprint, file: null, hasHandle });
    jobs.push(job);
    if (one.state === "refused") set(job, "needs_you", { reason: one.reason });
    else if (one.state === "arrived") set(job, "checking");
    else {
      const file = hasHandle && (await reopen(one.url));
      if (file) resume(job, file);
      else lose(job);
    }
  }
  if (jobs.length) begin();
  sum();
  if (jobs.some((job) => job.state === "checking")) look();
}

addEventListener("beforeunload", (event) => {
  if (jobs.some((job) => isUnsent(job) || job.state === "uploading")) event.preventDefault();
});

void restore();
