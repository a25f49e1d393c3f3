/* Small habits of pages: dialogs, copying, saving by themselves, looking again. */

import { post } from "./csrf.js";
import { clock, say, toast } from "./live.js";
import { go, refresh } from "./navigation.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-open], [data-close], [data-copy]");
  if (!button) return;
  if (button.dataset.open) document.getElementById(button.dataset.open)?.showModal();
  if ("close" in button.dataset) button.closest("dialog")?.close();
  if (button.dataset.copy !== undefined) {
    try {
      await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
      toast("Link copied.", { kind: "ok", seconds: 3 });
    } catch {
      toast(`Copying is not allowed here. The link is ${button.dataset.copy}`);
    }
  }
});

// A popover or dialog left behind would cover the next page.
document.addEventListener("megabox:page", () => {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
});

// A click outside closes a dialog, as Escape does.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement && event.detail > 0) event.target.close();
});

/* --- Forms that save themselves ---------------------------------------------------------------------- */
const waiting = new WeakMap();

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-autosave]");
  if (!form) return;
  clearTimeout(waiting.get(form));
  tell(form, "Not saved yet");
  waiting.set(form, setTimeout(() => save(form), 800));
});

// Whoever presses the button saves all of it: what waits to be saved by itself would come after it.
document.addEventListener("submit", (event) => clearTimeout(waiting.get(event.target)), true);

async function save(form) {
  tell(form, "Saving…");
  try {
    const response = await post(form.action, new FormData(form));
    const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
    if (response.ok) tell(form, `Saved at ${clock(new Date().getHours() * 60 + new Date().getMinutes())}`);
    else tell(form, answer.error ?? "Not saved: look at the marked fields and press the button.");
  } catch {
    tell(form, "Not saved: no connection. It is tried again with your next change.");
  }
}

function tell(form, text) {
  const place = form.querySelector("[data-autosave-state]");
  if (place) place.textContent = text;
}

/* --- What changes by itself is looked at again ---------------------------------------------------------- */
let isLooking = false;
let beat = 0;

setInterval(async () => {
  beat += 1;
  if (document.hidden || isLooking) return;
  const due = [...document.querySelectorAll("[data-poll][id]")].filter((one) => beat % Math.max(1, Number(one.dataset.poll)) === 0);
  if (!due.length) return;
  isLooking = true;
  const [page, url] = [document.getElementById("main"), location.href];
  try {
    for (const one of due) {
      if (one.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
      const before = one.textContent;
      const found = await refresh(`#${CSS.escape(one.id)}`);
      if (page !== document.getElementById("main") || url !== location.href) return;
      if (!found) return void go(url);
      const after = document.getElementById(one.id);
      if (after?.dataset.say && before !== after.textContent) say(after.dataset.say);
    }
  } catch { /* no connection: the next beat looks again */ } finally {
    isLooking = false;
  }
}, 1000);

/* --- "/" searches ------------------------------------------------------------------------------------------ */
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const field = document.querySelector("#main input[type=search]") ?? document.getElementById("site-search");
  if (!field || !field.checkVisibility()) return;
  event.preventDefault();
  field.focus();
  field.select();
});

/** Is somebody writing, so that keys are letters? */
export function isTyping(node) {
  return node instanceof HTMLElement && (node.isContentEditable || node.matches("input:not([type=range], [type=checkbox], [type=radio]), textarea, select"));
}
