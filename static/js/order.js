/* Tracks in order: dragged by finger or mouse, or taken, moved and put down by keys; rows of credits. */

import { post } from "./csrf.js";
import { make, say, toast } from "./live.js";
import { refresh } from "./navigation.js";

const EDGE = 80; // px from the edge of the window where a drag scrolls
let held = null; // the row that is moved: { row, before: how all rows stood, pointer }

const tableOf = (row) => row.closest("[data-order]");
const rowsOf = (part) => [...part.querySelectorAll("[data-track]")];
const titleOf = (row) => row.querySelector("th a").textContent;
const gripOf = (row) => row.querySelector("[data-grip]");
const shape = (table) => [...table.tBodies].map((disc) => rowsOf(disc).map((row) => Number(row.dataset.track)));

function where(row) {
  const [table, disc] = [tableOf(row), row.parentElement];
  const discs = table.tBodies.length > 1 ? `, disc ${[...table.tBodies].indexOf(disc) + 1}` : "";
  return `place ${rowsOf(disc).indexOf(row) + 1} of ${rowsOf(disc).length}${discs}`;
}

function take(row, pointer = null) {
  const table = tableOf(row);
  held = { row, table, pointer, before: shape(table) };
  row.classList.add("is-held");
  table.dataset.held = "";
  gripOf(row).setAttribute("aria-pressed", "true");
  if (pointer === null) say(`${titleOf(row)} is taken, ${where(row)}. Arrows move it, Space puts it down, Escape puts it back.`);
}

function letGo() {
  const { row, table } = held;
  row.classList.remove("is-held");
  delete table.dataset.held;
  gripOf(row).setAttribute("aria-pressed", "false");
  held = null;
}

async function putDown() {
  const { row, table, before } = held;
  letGo();
  if (JSON.stringify(before) === JSON.stringify(shape(table))) return say(`${titleOf(row)} stays where it was.`);
  const hadFocus = row.contains(document.activeElement);
  let response, answer;
  try {
    response = await post(table.dataset.order, { discs: shape(table) }, { keepalive: true });
    answer = await response.json();
  } catch { /* no connection */ }
  if (response?.ok) {
    say(`${titleOf(row)} is put down, ${where(row)}.`);
    for (const disc of table.tBodies) rowsOf(disc).forEach((one, place) => { one.cells[0].textContent = place + 1; });
    await refresh("#progress").catch(() => {});
  } else {
    putBack(table, before);
    toast(answer?.error ?? "The new order was not saved: no connection. The tracks stand as before; try again.", { kind: "error" });
    if (response?.status === 409) await refresh("#progress").catch(() => {});
  }
  if (hadFocus) document.querySelector(`[data-track="${row.dataset.track}"] [data-grip]`)?.focus();
}

function putBack(table, discs) {
  const found = new Map(rowsOf(table).map((row) => [Number(row.dataset.track), row]));
  discs.forEach((ids, place) => table.tBodies[place].append(...ids.map((id) => found.get(id))));
}

/** One place up (-1) or down (+1), over the edge of a disc to the next one. */
function step(row, by) {
  const disc = row.parentElement;
  const beside = by < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (beside?.matches("[data-track]")) return by < 0 ? beside.before(row) : beside.after(row);
  const next = by < 0 ? disc.previousElementSibling : disc.nextElementSibling;
  if (!next?.matches("[data-disc]")) return;
  if (by < 0) next.append(row);
  else next.querySelector("[data-disc-head]").after(row);
}

document.addEventListener("keydown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  const row = grip?.closest("[data-track]");
  if (!row || (held && (held.row !== row || held.pointer !== null))) return;
  if (event.key === " " || event.key === "Enter") {
    if (held) putDown();
    else take(row);
  } else if (held && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    step(row, event.key === "ArrowUp" ? -1 : 1);
    grip.focus();
    say(where(row));
  } else if (held && event.key === "Escape") {
    putBack(held.table, held.before);
    letGo();
    grip.focus();
    say(`${titleOf(row)} is back, ${where(row)}.`);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// Space on a button also clicks, when it is let go; a grip has nothing to click.
document.addEventListener("keyup", (event) => { if (event.key === " " && event.target.closest?.("[data-grip]")) event.preventDefault(); });

document.addEventListener("focusout", (event) => {
  const { row, pointer } = held ?? {};
  if (row && pointer === null && event.target === gripOf(row)) setTimeout(() => { if (held?.row === row && document.activeElement !== gripOf(row)) putDown(); });
});

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  if (!grip || held || event.button !== 0) return;
  grip.setPointerCapture(event.pointerId);
  take(grip.closest("[data-track]"), event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  if (held?.pointer !== event.pointerId) return;
  const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-track], [data-disc-head], [data-disc-hint]");
  if (event.clientY < EDGE) scrollBy(0, -12);
  if (event.clientY > innerHeight - EDGE) scrollBy(0, 12);
  if (!over || over === held.row || tableOf(over) !== held.table) return;
  const box = over.getBoundingClientRect();
  if (over.matches("[data-track]") && event.clientY < box.top + box.height / 2) over.before(held.row);
  else over.after(held.row);
});

for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, (event) => { if (held?.pointer === event.pointerId) putDown(); });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-add-disc], [data-add-row]");
  if (button?.matches("[data-add-disc]")) addDisc(button);
  else if (button) addRow(button);
});

function addDisc(button) {
  const table = button.closest("section").querySelector("[data-order]");
  for (const head of table.querySelectorAll("[data-disc-head]")) head.hidden = false;
  const words = (text, attributes) => make("tr", attributes, make("th", { text, scope: "rowgroup", colspan: "6" }));
  const disc = make("tbody", { "data-disc": "" }, words(`Disc ${table.tBodies.length + 1}`, { "data-disc-head": "" }));
  disc.append(make("tr", { "data-disc-hint": "" }, make("td", { text: "Nothing on it yet: move a track here.", colspan: "6", className: "muted" })));
  table.append(disc);
  say(`Disc ${table.tBodies.length} is there. Move tracks to it; an empty disc is not kept.`);
}

function addRow(button) {
  const rows = button.closest("[data-field]").querySelector("[data-rows]");
  const row = rows.lastElementChild.cloneNode(true);
  for (const input of row.querySelectorAll("input")) input.value = "";
  rows.append(row);
  row.querySelector("input, select").focus();
}
