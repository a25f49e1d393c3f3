/* Forms that save themselves: a moment after one typed, again until there is a connection, also when their page was left. */

import { post } from "./csrf.js";
import { clock, icon, make, say } from "./live.js";
import { go } from "./navigation.js";

const AFTER_MS = 800;
const WAITED_MS = 2_000;
const AGAIN_MS = [2_000, 5_000, 15_000, 30_000];
const jobs = new Map(); // address -> what was typed there and is not saved: { url, form, body, tries, timer, isSending, isNewer }

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-autosave]");
  if (form) wait(form, AFTER_MS);
});

// The button saves at once and stays on the page, so that nothing is lost where there is no connection.
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("form[data-autosave]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const job = wait(form, 0);
  job.isPressed = true;
}, true);

function wait(form, delay) {
  const job = jobs.get(form.action) ?? { url: form.action, tries: 0 };
  jobs.set(form.action, job);
  Object.assign(job, { form, body: new FormData(form), isNewer: true });
  if (!job.isSending) {
    tell(job, "Not saved yet");
    again(job, delay);
  }
  return job;
}

function again(job, delay) {
  clearTimeout(job.timer);
  job.timer = setTimeout(() => send(job), delay);
}

async function send(job) {
  if (job.isSending) return;
  Object.assign(job, { isSending: true, isNewer: false });
  tell(job, "Saving…");
  let response, answer;
  try {
    // It arrives even when the window is closed meanwhile; browsers take 64 kB so.
    response = await post(job.url, job.body, { keepalive: [...job.body.values()].join("").length < 20_000 });
    answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : null;
  } catch { /* no connection */ }
  job.isSending = false;
  if (answer?.seen !== undefined) return arrived(job, answer);
  if (response && (response.redirected || [401, 403].includes(response.status))) {
    return late(job, "Not saved: you are signed out. Sign in in another window, then press the button here.");
  }
  if (response && response.status < 500 && response.status !== 429) {
    return late(job, `Not saved: this page is out of date (${response.status}). Copy what you typed and reload it.`);
  }
  const delay = AGAIN_MS[Math.min(job.tries++, AGAIN_MS.length - 1)];
  late(job, `Not saved: ${response ? "the server does not answer" : "no connection"}. What you typed is kept here and tried again by itself.`);
  again(job, delay);
}

function arrived(job, answer) {
  const { form, isPressed } = job;
  Object.assign(job, { tries: 0, isPressed: false });
  if (form.isConnected) {
    form.elements.seen.value = answer.seen;
    for (const [name, text] of Object.entries(answer.taken)) fill(form, name, [text]);
    mark(form, answer.errors, isPressed);
    for (const [id, html] of Object.entries(answer.parts)) replace(id, html);
  }
  if (job.isNewer) {
    if (form.isConnected) job.body = new FormData(form);
    else job.body.set("seen", answer.seen);
    again(job, AFTER_MS);
    return;
  }
  jobs.delete(job.url);
  const now = new Date();
  tell(job, answer.saved ? `${answer.say} at ${clock(now.getHours() * 60 + now.getMinutes())}` : answer.say, answer.saved ? "saved" : "late");
}

function late(job, text) {
  if (job.state !== text) say(text);
  tell(job, text, "late");
}

function tell(job, text, state = "") {
  job.state = text;
  const place = job.form.querySelector("[data-autosave-state]");
  if (!place) return;
  place.textContent = text;
  place.dataset.state = state;
}

/* --- Nothing is lost ------------------------------------------------------------------------------------ */

addEventListener("online", () => { for (const job of jobs.values()) again(job, 0); });
addEventListener("beforeunload", (event) => { if (jobs.size) event.preventDefault(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const job of jobs.values()) if (!job.isSending) again(job, 0);
});
// Whoever goes to another page of ours waits a moment for it, so that the next page knows; not where there is no connection.
document.addEventListener("htmx:confirm", (event) => {
  const { elt, issueRequest } = event.detail;
  const open = [...jobs.values()].filter((job) => !job.tries);
  if (!open.length || !elt.matches("a, form:not([hx-get])")) return;
  event.preventDefault();
  for (const job of open) if (!job.isSending) again(job, 0);
  const until = Date.now() + WAITED_MS;
  const look = setInterval(() => {
    if (Date.now() < until && open.some((job) => jobs.get(job.url) === job && !job.tries)) return;
    clearInterval(look);
    // The list of sections may have been drawn anew meanwhile, and the link that was pressed with it.
    if (elt.isConnected) issueRequest(true);
    else if (elt.href) go(elt.href);
  }, 50);
});

// Whoever comes back finds what they typed, as long as it is not saved.
document.addEventListener("megabox:page", () => {
  for (const form of document.querySelectorAll("form[data-autosave]")) {
    const job = jobs.get(form.action);
    if (!job || job.form === form) continue;
    job.form = form;
    for (const name of new Set([...form.elements].map((one) => one.name))) if (name && name !== "csrfmiddlewaretoken") fill(form, name, job.body.getAll(name));
    tell(job, job.state, "late");
  }
});

function fill(form, name, texts) {
  const found = form.elements[name];
  const fields = found instanceof RadioNodeList ? [...found] : found ? [found] : [];
  fields.forEach((field, place) => {
    if (field.type === "checkbox") field.checked = texts.some(Boolean);
    else if (field.type === "radio") field.checked = texts.includes(field.value);
    else if (field.type !== "file") field.value = texts[place] ?? "";
  });
}

/* --- What is wrong stands beside its field ---------------------------------------------------------------- */

function mark(form, errors, isPressed) {
  for (const old of form.querySelectorAll(".field__error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  form.querySelector("[data-autosave-kept]")?.remove();
  const whole = form.querySelector("[data-autosave-wrong]");
  whole.hidden = !errors.__all__;
  whole.querySelector("span").textContent = errors.__all__ ?? "";
  let first = null;
  for (const [name, text] of Object.entries(errors)) {
    const found = form.elements[name] ?? form.querySelector(`[data-field="${CSS.escape(name)}"] :is(input, select, textarea)`);
    const field = found instanceof RadioNodeList ? found[0] : found;
    const place = field?.closest("[data-field], .field");
    if (!place) continue;
    const id = `id_${name}_error`;
    place.append(make("p", { className: "field__error", id }, icon("alert"), make("span", { text })));
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    first ??= field;
  }
  if (isPressed) first?.focus();
}

function replace(id, html) {
  const old = document.getElementById(id);
  if (!old) return;
  old.outerHTML = html;
  window.htmx.process(document.getElementById(id));
}
