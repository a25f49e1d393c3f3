/* Boot: every behaviour is found by data- attributes and delegated on document, so it works in swapped pages. */

import "./csrf.js";
import "./navigation.js";
import "./page.js";
import "./saving.js";
import "./player.js";
import "./waveform.js";
import "./slot.js";

/* What only some pages need comes with the first of them, and stays. */
const PARTS = [
  ["[data-gate], a[href^='/get/']", () => import("./gate.js")], // with the links to it, so that it is there before the gate
  ["[data-lyrics]", () => import("./lyrics.js")],
  ["[data-order], [data-add-row]", () => import("./order.js")],
  ["[data-gate-card], [data-ad-form], [data-utc-hour], [data-zone-note], [data-midnight]", () => import("./advertise.js")],
  ["[data-transfers-url], [data-drop-new]", () => import("./upload.js")],
];

function fetchParts() {
  for (const [selector, fetchPart] of PARTS) if (document.querySelector(selector)) fetchPart();
}
document.addEventListener("megabox:page", fetchParts);
fetchParts();

// Files that were not wholly sent are asked for wherever one is after a reload.
try { if (localStorage.getItem("megabox-uploads") !== null) import("./upload.js"); } catch { /* no storage */ }
