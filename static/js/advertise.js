/* Advertisers' forms: an ad is previewed while it is typed, and hours are said in one's own time. */

import { Showing } from "./gate.js";
import { clock } from "./live.js";
import { pause } from "./player.js";

const words = { title: "Title", body: "", transcript: "" };

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-ad-form]");
  if (form) preview(event.target);
});

// This script comes after the page: what was typed or chosen meanwhile is not lost.
for (const field of document.querySelectorAll("form[data-ad-form] :is(input, textarea)")) if (field.value) queueMicrotask(() => preview(field));

/** Say in every preview what was just typed or chosen; nothing of it is sent. */
function preview(field) {
  const page = document.getElementById("main");
  if (field.name in words) {
    const text = field.value.trim();
    for (const place of page.querySelectorAll(`[data-preview-text="${field.name}"]`)) {
      place.textContent = text || words[field.name];
      place.hidden = !place.textContent;
    }
  } else if (field.name === "click_url") {
    const host = URL.canParse(field.value) ? new URL(field.value).hostname : "";
    for (const place of page.querySelectorAll("[data-preview-link]")) {
      place.hidden = !host;
      place.querySelector("span").textContent = host;
    }
  } else if (field.name === "alt") {
    for (const place of pictures(page)) place.alt = field.value;
  } else if (field.name === "picture" && field.files[0]) {
    const reader = new FileReader();
    reader.addEventListener("load", () => show(page, reader.result));
    reader.readAsDataURL(field.files[0]);
  } else if (field.name === "spot" && field.files[0]) {
    hear(page.querySelector("[data-gate-card]"), field.files[0]);
  }
}

const pictures = (page) => page.querySelectorAll("img[data-preview-picture], [data-preview-picture] img");

function show(page, url) {
  for (const image of pictures(page)) {
    image.removeAttribute("width");
    image.removeAttribute("height");
    image.src = url;
    image.hidden = false;
    image.closest("[data-preview-picture]").hidden = false;
  }
}

/** A spot that was chosen and is not sent yet is as long as it is. */
function hear(card, file) {
  URL.revokeObjectURL(card.dataset.sound);
  const audio = new Audio(URL.createObjectURL(file));
  card.dataset.sound = audio.src;
  audio.addEventListener("loadedmetadata", () => {
    if (!Number.isFinite(audio.duration)) return;
    card.dataset.duration = Math.round(audio.duration * 1000);
    card.querySelector(".gate__clock").textContent = clock(Math.ceil(audio.duration));
  });
}

/* --- The gate's own stage, without a token: nothing is asked for, nothing is counted ------------------------ */

let shown = null; // the Showing that runs, and its card

document.addEventListener("click", (event) => {
  const card = event.target.closest?.("[data-gate-preview]")?.closest("[data-gate-card]");
  if (!card) return;
  if (shown) close("");
  pause();
  const still = card.querySelector("[data-gate-still]");
  const showing = new Showing(card.querySelector("[data-gate-stage]"), adOf(card), {
    told: (sentence) => tell(card, sentence),
    ended: () => close("This is where the download begins and the view is paid for. Here nothing was counted."),
    left: () => close("Left before its end: no download, and no view to pay for."),
  });
  shown = { card, showing };
  tell(card, "");
  still.hidden = true;
  showing.begin();
});

document.addEventListener("megabox:page", () => { if (shown && !shown.card.isConnected) close(""); });

function close(sentence) {
  const { card, showing } = shown;
  shown = null;
  const hadFocus = card.contains(document.activeElement);
  showing.stop();
  card.querySelector("[data-gate-still]").hidden = false;
  tell(card, sentence);
  if (hadFocus) card.querySelector("[data-gate-preview]").focus();
}

const tell = (card, sentence) => { card.querySelector("[data-gate-card-status]").textContent = sentence; };

/** What the card shows, as the gate would be told of it. */
function adOf(card) {
  const text = (name) => card.querySelector(`[data-preview-text="${name}"]`)?.textContent.trim() ?? "";
  const image = card.querySelector("[data-preview-picture]:not([hidden]) img");
  const form = card.closest("#main").querySelector("form[data-ad-form]");
  const still = card.querySelector("[data-preview-link]:not([hidden]) span")?.textContent;
  return {
    kind: card.dataset.kind,
    duration_ms: Number(card.dataset.duration),
    media_url: card.dataset.sound,
    image_url: image?.src,
    alt: image?.alt,
    title: text("title"),
    body: text("body"),
    transcript: text("transcript"),
    click_url: still ? (form?.elements.click_url.value ?? `https://${still}/`) : "",
  };
}

/* --- Hours of the UTC day on the clock of whoever looks ------------------------------------------------- */

const here = (hour) => new Date(Date.UTC(2026, new Date().getUTCMonth(), 15, hour)).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function tellHours() {
  if (!new Date().getTimezoneOffset()) return;
  for (const place of document.querySelectorAll("[data-utc-hour]:empty")) place.textContent = ` (${here(Number(place.dataset.utcHour))})`;
  for (const note of document.querySelectorAll("[data-zone-note]")) note.hidden = false;
  for (const place of document.querySelectorAll("[data-midnight]:empty")) place.textContent = ` That is ${here(0)} on your clock.`;
}

document.addEventListener("megabox:page", tellHours);
tellHours();
