/* Ads beside music count when half of them was seen for a second in a tab somebody looks at. */

import { post } from "./csrf.js";

const BIG = 242_500; // square pixels: from here on 30 % is enough
const NEEDED_MS = 1000;
const TICK_MS = 200;

const slots = new Map(); // element -> {share, area, seen, isDone}
let outbox = [];
let sending = 0;

const observer = new IntersectionObserver((entries) => {
  for (const { target, intersectionRatio, boundingClientRect: box } of entries) {
    const slot = slots.get(target);
    if (slot) Object.assign(slot, { share: intersectionRatio, area: box.width * box.height });
  }
}, { threshold: [0, 0.3, 0.5, 0.75, 1] });

function scan() {
  for (const [node, slot] of slots) {
    if (!node.isConnected || slot.isDone) { observer.unobserve(node); slots.delete(node); }
  }
  for (const node of document.querySelectorAll("[data-ad-token]")) {
    if (!node.dataset.adToken || slots.has(node) || node.dataset.adViewed) continue;
    slots.set(node, { share: 0, area: 0, seen: 0, isDone: false });
    observer.observe(node);
  }
}

function tell(token, stage, more = {}) {
  outbox.push({ token, stage, ...more });
  clearTimeout(sending);
  sending = setTimeout(send, 300);
}

function send() {
  const batch = outbox.splice(0, 50);
  if (!batch.length) return;
  post("/ads/events", batch, { keepalive: true }).catch(() => { /* not counted: the advertiser pays nothing */ });
  if (outbox.length) send();
}

setInterval(() => {
  const isWatched = !document.hidden && document.hasFocus();
  for (const [node, slot] of slots) {
    const isVisible = isWatched && node.isConnected && slot.share >= (slot.area >= BIG ? 0.3 : 0.5);
    slot.seen = isVisible ? slot.seen + TICK_MS : 0;
    if (slot.seen < NEEDED_MS || slot.isDone) continue;
    slot.isDone = true;
    node.dataset.adViewed = "true";
    tell(node.dataset.adToken, "viewed", { visible_ms: slot.seen });
  }
}, TICK_MS);

document.addEventListener("click", (event) => {
  const slot = event.target.closest?.("[data-ad-click]")?.closest("[data-ad-token]");
  if (slot?.dataset.adToken) { tell(slot.dataset.adToken, "clicked"); send(); }
});

addEventListener("pagehide", send);
document.addEventListener("htmx:load", scan);
document.addEventListener("megabox:page", scan);
scan();
