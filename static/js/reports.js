/* What is reported of ads: each stage of a token once, kept until the server has answered, always in the same words. */

import { post } from "./csrf.js";

const ADDRESS = "/ads/events";
const MOST_AT_ONCE = 50;
const MOST_KEPT = 500;
const SOON_MS = 300;
const LATEST_MS = 60_000;

const told = new Set();
let kept = [];
let failures = 0;
let timer = 0;
let isSending = false;
let isLeaving = false;

/** Report `stage` of the ad with `token`; `claims` as docs/face.md names them. A stage that was reported stays as it was. */
export function report(token, stage, claims = {}) {
  const key = `${stage} ${token}`;
  if (!token || told.has(key) || kept.length >= MOST_KEPT) return;
  told.add(key);
  const one = Object.freeze({ token, stage, ...claims });
  kept.push(one);
  if (isLeaving) deliver([one]);
  else if (!failures) plan(SOON_MS);
}

function plan(ms) {
  clearTimeout(timer);
  timer = setTimeout(send, ms);
}

/** Send what is kept. What did not arrive stays: sent again it is the same, so nothing is counted twice. */
async function send() {
  if (isSending || !kept.length) return;
  isSending = true;
  const batch = kept.slice(0, MOST_AT_ONCE);
  const isAnswered = await deliver(batch);
  isSending = false;
  failures = isAnswered ? 0 : failures + 1;
  if (isAnswered) kept = kept.filter((one) => !batch.includes(one));
  if (kept.length) plan(isAnswered ? 0 : Math.min(LATEST_MS, 1000 * 2 ** (failures - 1)));
}

async function deliver(batch) {
  try {
    const answer = await post(ADDRESS, batch, { keepalive: true });
    const { status } = answer;
    await answer.text(); // an answer that nobody reads keeps its connection open
    return status < 500 && status !== 429 && status !== 408; // a no is an answer too: the same would be refused again
  } catch {
    return false;
  }
}

// The page may never come back: all goes out at once, what is under way too. One that does come back sends the same again.
addEventListener("pagehide", () => {
  isLeaving = true;
  for (let at = 0; at < kept.length; at += MOST_AT_ONCE) deliver(kept.slice(at, at + MOST_AT_ONCE));
});
addEventListener("pageshow", () => {
  isLeaving = false;
  if (kept.length) plan(0);
});
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && send());
addEventListener("online", () => plan(0));
