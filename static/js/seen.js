/* What this tab was shown today, so that nobody sees an ad more often than its advertiser wants: in the tab's memory only.

   The server writes and signs it (ads/delivery/tally.py); it names nobody, and is gone with the tab. It is sent with
   each question for an ad. */

const SEEN = "Megabox-Ads-Seen";
const SHOWN = "Megabox-Ads-Shown";
const MOST = 20;

let seen = []; // what the server added up, and what was seen since
const shown = new Map(); // token of an ad that may be seen yet -> what it adds then

/** The headers of a question for an ad. */
export const asking = () => ({ [SEEN]: seen.join(" "), [SHOWN]: [...shown.values()].join(" ") });

/** Note the answer to a question that was asked with `headers`: `answered` gives its headers, `token` names the ad it brought. */
export function learn(headers, answered, token) {
  const [sum, adds] = [answered(SEEN), answered(SHOWN)];
  if (token && adds) shown.set(token, adds);
  if (shown.size > MOST) shown.delete(shown.keys().next().value);
  const left = [...seen];
  for (const one of headers[SEEN].split(" ").filter(Boolean)) {
    const at = left.indexOf(one);
    if (at < 0) return; // another answer has added it up meanwhile
    left.splice(at, 1);
  }
  if (sum !== null) seen = sum ? [sum, ...left] : left;
}

/** The ad with this token was seen. */
export function saw(token) {
  if (shown.has(token)) seen.push(shown.get(token));
  shown.delete(token);
}

/** It is not shown any more. */
export const lost = (token) => shown.delete(token);
