/* Links and forms swap <main id="main"> only: the player, the queue and the upload dock are never touched. */

import { say, toast } from "./live.js";

const UNBOOSTED = /^\/(accounts\/(login|logout|signup|password|confirm-email|2fa\/authenticate|reauthenticate)|admin|api|files|media|static)\b/;
const scrolls = new Map();
let latest = null;
let restoring = null;
let here = location.href;

const path = (url) => { try { return new URL(url, location.href).pathname; } catch { return ""; } };
const hasMain = (html) => /<main[^>]*\bid="main"/.test(html ?? "");
const setLoading = (isLoading) => document.documentElement.classList.toggle("is-loading", isLoading);

/** Go to `url` the way a click on a boosted link would. */
export function go(url) {
  const link = document.createElement("a");
  link.href = url;
  link.hidden = true;
  document.body.append(link);
  window.htmx.process(link);
  // It stays until its request has ended: htmx tells what becomes of a request at its link.
  link.addEventListener("htmx:afterRequest", () => link.remove());
  link.click();
}

/** Fetch the page we are on again and put its `selector` in place of ours; resolves to false when it is gone. */
export async function refresh(selector) {
  const page = await fetchPage(location.href);
  const fresh = page?.querySelector(selector);
  const old = document.querySelector(selector);
  if (!fresh || !old) return false;
  old.replaceWith(fresh);
  window.htmx.process(fresh);
  document.dispatchEvent(new CustomEvent("megabox:page"));
  return true;
}

async function fetchPage(url) {
  const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "text/html" } });
  return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

/** After a swap: focus where the reader wants to be, tell the title, let the others look at the page. */
function arrive({ isBack = false, isAnswer = false } = {}) {
  const main = document.getElementById("main");
  const target = location.hash && !location.hash.startsWith("#t=") ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const wrong = isAnswer ? main.querySelector("[aria-invalid=true]") : null;
  const focus = wrong ?? target ?? main.querySelector("h1") ?? main;
  if (!focus.matches("input, select, textarea, a[href], button")) focus.tabIndex = -1;
  focus.focus({ preventScroll: !wrong });
  if (isBack) scrollTo(0, scrolls.get(location.href) ?? 0);
  else if (target && !wrong) target.scrollIntoView();
  here = location.href;
  say(document.title);
  document.dispatchEvent(new CustomEvent("megabox:page"));
}

addEventListener("scroll", () => { if (location.href === here) scrolls.set(here, scrollY); }, { passive: true });

document.addEventListener("htmx:beforeProcessNode", (event) => {
  const node = event.target;
  if (!(node instanceof HTMLAnchorElement || node instanceof HTMLFormElement) || node.hasAttribute("hx-boost")) return;
  const url = node instanceof HTMLAnchorElement ? node.href : node.getAttribute("action") ?? location.href;
  if (node.hasAttribute("download") || UNBOOSTED.test(path(url))) node.setAttribute("hx-boost", "false");
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { boosted, xhr } = event.detail;
  if (!boosted) return;
  if (latest && latest !== xhr && latest.readyState !== 4) latest.abort();
  restoring?.abort();
  latest = xhr;
  setLoading(true);
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr === latest) setLoading(false);
});

/** A part of a page that nobody pressed for. */
const isByItself = ({ boosted, requestConfig }) => !(boosted ?? requestConfig?.boosted) && !["click", "submit", "change"].includes(requestConfig?.triggeringEvent?.type);

document.addEventListener("htmx:beforeSwap", (event) => {
  const detail = event.detail;
  if (!detail.boosted) {
    if (detail.isError) {
      detail.shouldSwap = false;
      // What loads by itself, as an ad slot, fails in silence; what somebody asked for does not.
      if (!isByItself(detail)) toast("A part of this page could not be loaded. Reload the page to try again.", { kind: "error" });
    }
    return;
  }
  if (detail.xhr !== latest) {
    detail.shouldSwap = false;
    return;
  }
  if (!hasMain(detail.serverResponse)) {
    detail.shouldSwap = false;
    if (detail.isError) toast(`This page could not be made (${detail.xhr.status}). Try again in a moment.`, { kind: "error" });
    else if (detail.requestConfig.verb === "get") location.assign(detail.pathInfo.responsePath || detail.pathInfo.finalRequestPath);
    else toast("The answer could not be shown. Reload the page to see what was saved.", { kind: "error" });
    return;
  }
  detail.target = document.getElementById("main");
  detail.selectOverride = "#main";
  detail.swapOverride = detail.isError && detail.requestConfig.verb !== "get" ? "outerHTML" : "outerHTML show:window:top";
});

// Like a browser: the address is that of the answer, also of a form with a mistake; the same address makes no second step.
document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
  const { history } = event.detail;
  if (new URL(history.path, location.href).href === location.href) history.type = "replace";
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.boosted && event.detail.xhr === latest) arrive({ isAnswer: event.detail.requestConfig.verb !== "get" });
  else document.dispatchEvent(new CustomEvent("megabox:page"));
});

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    setLoading(false);
    if (isByItself(event.detail)) return; // an ad slot that a content blocker stops is not a lost connection
    toast("No connection. What plays goes on as far as it is loaded; try again when you are back.", { kind: "error" });
  });
}

// Back and forward are a GET, like any other page; error pages come back too.
document.addEventListener("htmx:historyCacheMiss", async (event) => {
  event.preventDefault();
  restoring?.abort();
  latest?.abort();
  const mine = (restoring = new AbortController());
  setLoading(true);
  try {
    const response = await fetch(event.detail.path, { credentials: "same-origin", signal: mine.signal, headers: { Accept: "text/html" } });
    const html = await response.text();
    if (!hasMain(html)) return location.reload();
    window.htmx.swap("#main", html, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 }, { select: "#main" });
    document.title = new DOMParser().parseFromString(html, "text/html").title;
    arrive({ isBack: true });
  } catch (reason) {
    if (reason.name !== "AbortError") toast("No connection: this page could not be loaded. Try again when you are back.", { kind: "error" });
  } finally {
    if (mine === restoring) setLoading(false);
  }
});

// Log-in comes back to the page one was on.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-next]");
  if (!link || location.pathname.startsWith("/accounts/")) return;
  const url = new URL(link.href);
  url.searchParams.set("next", location.pathname + location.search);
  link.href = url.href;
}, true);
