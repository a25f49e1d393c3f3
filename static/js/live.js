/* What is said: to screen readers (say) and to everybody (toast). */

const live = document.getElementById("live");
const toasts = document.getElementById("toasts");

/** Announce `text` once, politely. */
export function say(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

/** Show `text` above the player until it is closed or `seconds` are over; kind is info, ok or error. */
export function toast(text, { kind = "info", seconds = 8 } = {}) {
  for (const old of toasts.children) if (old.firstChild.textContent === text) old.remove();
  const box = document.createElement("p");
  box.className = `toast toast--${kind}`;
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "btn btn--small btn--quiet";
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => box.remove());
  box.append(words, close);
  toasts.append(box);
  if (kind !== "error") setTimeout(() => box.remove(), seconds * 1000);
}

/** Seconds as m:ss or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** Bytes in the decimal units shops use. */
export function size(bytes) {
  for (const [unit, one] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= one) return `${(bytes / one).toFixed(unit === "kB" || bytes >= 100 * one ? 0 : 1)} ${unit}`;
  }
  return `${bytes} B`;
}

/** An icon of the sprite, as a node. */
export function icon(name) {
  const sprite = document.querySelector("use").getAttribute("href").split("#")[0];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** A new element: tag with a class, text and attributes. */
export function make(tag, { className = "", text = "", ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
