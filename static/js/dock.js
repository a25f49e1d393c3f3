/* The dock beside the player: a row for each file, and how far all of them are together. */

import { icon, make, size } from "./live.js";

const WORDS = { waiting: "waiting", uploading: "uploading", paused: "paused", checking: "checking", making: "making formats", ready: "ready", needs_you: "needs you" };
const ON_THE_WAY = new Set(["waiting", "uploading", "checking", "making"]);

const dock = document.getElementById("dock");
const part = (name) => dock.querySelector(`[data-dock-${name}]`);

/** Show the dock, opened. */
export function begin() {
  dock.hidden = false;
  dock.open = true;
}

/** Draw one file; `press(act, job, input)` is called when somebody wants something of it. */
export function draw(job, press) {
  const row = (job.row ??= build(job, press));
  row.node.dataset.state = job.state;
  row.state.textContent = words(job);
  row.bar.hidden = !["uploading", "paused"].includes(job.state) && !(job.state === "needs_you" && job.sent && job.sent < job.size);
  row.bar.value = job.size ? job.sent / job.size : 0;
  row.reason.textContent = job.reason;
  row.reason.hidden = !job.reason;
  const wants = wanted(job);
  for (const [act, button] of Object.entries(row.buttons)) button.hidden = !wants.has(act);
}

export function remove(job) {
  job.row?.node.remove();
  if (!part("list").children.length) dock.hidden = true;
}

/** The title, the bar and the foot. */
export function drawAll(jobs) {
  const count = (test) => jobs.filter(test).length;
  const open = count((job) => ON_THE_WAY.has(job.state));
  const stuck = count((job) => job.state === "needs_you");
  const paused = count((job) => job.state === "paused");
  const total = jobs.reduce((sum, job) => sum + job.size, 0);
  const sent = jobs.reduce((sum, job) => sum + (job.id === null && job.state !== "checking" ? job.sent : job.size), 0);
  const titles = [[open, `${open} of ${jobs.length} on the way`], [stuck, `${stuck} need${stuck === 1 ? "s" : ""} you`], [paused, `${paused} paused`], [true, "All files are ready"]];
  part("title").textContent = titles.filter(([is], at) => is && (at < 3 || !(open || stuck || paused))).map(([, text]) => text).join(", ");
  part("done").value = total ? sent / total : 0;
  part("done").hidden = sent === total;
  part("foot").textContent = `${size(sent)} of ${size(total)}${left(jobs)}`;
  const shown = { pause: count((job) => job.state === "uploading") > 0, resume: paused > 0, clear: count((job) => job.state === "ready") > 0 };
  for (const [act, is] of Object.entries(shown)) dock.querySelector(`[data-dock-act="${act}"]`).hidden = !is;
}

function build(job, press) {
  const row = {
    node: make("li", { className: "upload" }),
    state: make("span", { className: "upload__state" }),
    bar: make("progress", { max: 1, value: 0, "aria-label": job.name }),
    reason: make("span", { className: "upload__reason" }),
    buttons: {},
  };
  const pressed = (act, input) => press(act, job, input);
  for (const [act, picture, text] of [["pause", "pause", "Pause"], ["resume", "play", "Resume"], ["retry", "refresh", "Send again"], ["reopen", "play", "Go on"]]) {
    const button = make("button", { className: "btn btn--small", type: "button", "aria-label": `${text}: ${job.name}` }, icon(picture), text);
    button.addEventListener("click", () => pressed(act));
    row.buttons[act] = button;
  }
  const input = make("input", { className: "visually-hidden", type: "file", "aria-label": `Choose ${job.name} again` });
  input.addEventListener("change", () => pressed("choose", input));
  row.buttons.choose = make("label", { className: "btn btn--small" }, input, icon("upload"), "Choose file");
  row.buttons.cancel = make("button", { className: "btn btn--small btn--quiet", type: "button", "aria-label": `Cancel: ${job.name}` }, icon("x"), "Cancel");
  row.buttons.cancel.addEventListener("click", () => pressed("cancel"));
  row.node.append(make("span", { className: "upload__name", text: job.name, title: job.name }), row.state, row.bar, row.reason, make("div", { className: "cluster" }, ...Object.values(row.buttons)));
  part("list").append(row.node);
  return row;
}

function wanted(job) {
  const isSending = job.id === null && job.state !== "checking";
  if (!isSending) return new Set();
  if (job.state === "uploading" || job.state === "waiting") return new Set(["pause", "cancel"]);
  if (job.state === "paused") return new Set(["resume", "cancel"]);
  const isHalf = job.url && job.sent < job.size;
  return new Set(["cancel", job.mayRetry ? "retry" : "", !job.file && isHalf ? "choose" : "", !job.file && isHalf && job.hasHandle ? "reopen" : ""]);
}

function words(job) {
  if (job.note) return job.note;
  if (job.state === "uploading") return `${size(job.sent)} of ${size(job.size)}${left([job])}`;
  if (job.state === "paused") return `paused at ${size(job.sent)} of ${size(job.size)}`;
  if (job.state === "waiting" && job.id !== null) return "waiting to be checked";
  if (job.state === "waiting") return `waiting, ${size(job.size)}`;
  return job.label ?? WORDS[job.state];
}

/** What is left at the speed since each began; silent until there is something to reckon with. */
function left(jobs) {
  const going = jobs.filter((job) => job.state === "uploading" && job.since && Date.now() - job.since > 1500 && job.sent > job.from);
  const speed = going.reduce((sum, job) => sum + (job.sent - job.from) / ((Date.now() - job.since) / 1000), 0);
  if (!speed) return "";
  const open = jobs.filter((job) => job.id === null && (job.state === "uploading" || job.state === "waiting"));
  const seconds = Math.ceil(open.reduce((sum, job) => sum + job.size - job.sent, 0) / speed);
  if (seconds < 90) return `, ${seconds} s left`;
  return seconds < 5400 ? `, ${Math.round(seconds / 60)} min left` : `, ${(seconds / 3600).toFixed(1)} h left`;
}
