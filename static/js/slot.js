/* Ads beside music: asked for when their place comes near the window, begun when they come into view, counted when they were
   seen for long enough. An ad sets its advertiser's money aside for some minutes: none is asked for that nobody may look at,
   and one that waited for longer than that is asked for anew once somebody does. */

import { report } from "./reports.js";
import { asking, learn, lost, saw } from "./seen.js";
import { SEEN_MS, Sight } from "./viewability.js";

const NEAR = "200px 0px";
const LAST_SECONDS = 10; // of an offer: whoever begins to look now may be too late

const slots = new Map(); // element -> {token, sight, isBegun, until}

// A tab that nobody looks at draws nothing, and so nothing in it comes near.
const nearby = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) ask(target, target.dataset.adPlace);
}, { rootMargin: NEAR });

/** Fill `place` with the ad that `url` answers. */
export function ask(place, url) {
  nearby.unobserve(place);
  Object.assign(place.dataset, { adPlace: url, adAsked: "" });
  window.htmx.ajax("GET", url, { target: place, swap: "innerHTML" }).catch(() => { /* a content blocker lets none through */ });
}

/** Watch the places and the ads that came, and let go of those that went. */
function scan() {
  for (const place of document.querySelectorAll("[data-ad-place]:not([data-ad-asked])")) nearby.observe(place);
  for (const [node, slot] of slots) if (!node.isConnected) leave(node, slot);
  for (const node of document.querySelectorAll("[data-ad-token]")) {
    const token = node.dataset.adToken;
    if (!token || slots.has(node) || node.dataset.adDone) continue;
    node.dataset.adUntil ??= node.dataset.adSeconds ? Date.now() + 1000 * (node.dataset.adSeconds - LAST_SECONDS) : Infinity;
    const slot = { token, isBegun: false, until: Number(node.dataset.adUntil) };
    slots.set(node, slot);
    slot.sight = new Sight(node.querySelector("[data-ad-click]") ?? node, () => look(node, slot));
  }
}

function look(node, slot) {
  if (slot.sight?.isSeen && Date.now() > slot.until) {
    const place = node.closest("[data-ad-place]");
    leave(node, slot);
    if (place) ask(place, place.dataset.adPlace);
    return;
  }
  if (slot.sight?.isSeen && !slot.isBegun) {
    slot.isBegun = true;
    report(slot.token, "started", claims(slot));
  }
  if (slot.sight?.runMs >= SEEN_MS) {
    report(slot.token, "viewed", claims(slot));
    saw(slot.token);
    forget(node, slot);
  }
}

/** It began and was left before it counted. */
function leave(node, slot) {
  if (slot.isBegun) report(slot.token, "skipped", claims(slot, slot.sight.totalMs));
  forget(node, slot);
}

function forget(node, slot) {
  slot.sight.stop();
  lost(slot.token);
  slots.delete(node);
  node.dataset.adDone = "true";
}

function claims({ sight }, ms = sight.runMs) {
  const visible = Math.round(ms);
  return { visible_ms: visible, audible_ms: 0, played_ms: visible, hidden: document.visibilityState !== "visible", muted: false, mode: "visible" };
}

document.addEventListener("click", (event) => {
  const node = event.target.closest?.("[data-ad-click]")?.closest("[data-ad-token]");
  if (node) report(node.dataset.adToken, "clicked", slots.has(node) ? claims(slots.get(node)) : {});
});

const isSlot = (path) => path.startsWith("/ads/slot/");

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (isSlot(detail.path)) Object.assign(detail.headers, asking());
});
document.addEventListener("htmx:beforeOnLoad", ({ detail: { requestConfig, xhr } }) => {
  if (isSlot(requestConfig.path)) learn(requestConfig.headers, (name) => xhr.getResponseHeader(name), /data-ad-token="([^"]+)"/.exec(xhr.responseText)?.[1]);
});

addEventListener("pagehide", () => { for (const [node, slot] of slots) leave(node, slot); });
document.addEventListener("htmx:load", scan);
document.addEventListener("megabox:page", scan);
scan();
