/* Small habits of pages: dialogs, copying, looking again. */

import { say, toast } from "./live.js";
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

// What was chosen in a sheet closes it: a file that is fetched leaves the page where it is.
document.addEventListener("click", (event) => event.target.closest?.("[popover] a")?.closest("[popover]").hidePopover());

// A popover or dialog left behind would cover the next page.
document.addEventListener("megabox:page", () => {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
});

// Where tabs are wider than the screen, the one that is open is in view.
const showTab = () => {
  for (const tab of document.querySelectorAll(".tabs > [aria-current]")) {
    const tabs = tab.parentElement;
    tabs.scrollLeft += tab.getBoundingClientRect().left - tabs.getBoundingClientRect().left - (tabs.clientWidth - tab.clientWidth) / 2;
  }
};
document.addEventListener("megabox:page", showTab);
showTab();

// A table that scrolls sideways can be scrolled by keys too, in browsers that do not see to it themselves.
const reachTables = () => {
  for (const wrap of document.querySelectorAll(".table-wrap:not([role=region])")) {
    const isWide = wrap.scrollWidth > wrap.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", "Table that scrolls sideways"]]) {
      if (isWide) wrap.setAttribute(name, value);
      else wrap.removeAttribute(name);
    }
  }
};
document.addEventListener("megabox:page", reachTables);
document.addEventListener("toggle", reachTables, true);
addEventListener("resize", reachTables);
reachTables();

// A click outside closes a dialog, as Escape does.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement && event.detail > 0) event.target.close();
});

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
      if (one.querySelector("[data-held], [data-disc-hint]")) continue;
      if (one.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
      const before = one.textContent;
      const found = await refresh(`#${CSS.escape(one.id)}`);
      if (page !== document.getElementById("main") || url !== location.href) return;
      if (!found) return void go(url);
      const after = document.getElementById(one.id);
      if (after?.dataset.say && before !== after.textContent) say(after.dataset.say);
      after?.querySelector("[data-begin]")?.click();
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
