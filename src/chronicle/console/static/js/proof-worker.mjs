// Solves a challenge away from the page, so that the page stays quick. Takes `{challenge, salt,
// maxnumber}`; gives `{tried}` on the way, and `{number}` at the end, null if none solves it.

import { attempts } from "./proof-of-work.mjs";

const STRIDE = 25_000;

addEventListener("message", ({ data: challenge }) => {
  const tryThem = attempts(challenge);
  for (let from = 0; from <= challenge.maxnumber; from += STRIDE) {
    const to = Math.min(from + STRIDE - 1, challenge.maxnumber);
    const number = tryThem(from, to);
    if (number !== null) return postMessage({ number });
    postMessage({ tried: to + 1 });
  }
  return postMessage({ number: null });
});
