// What a refusal says to the person who met it, and how long it lasts.

import { announce, h } from "./dom.mjs";
import { clock, duration } from "./format.mjs";

// Where the server's own words would not say what to do next. The codes are the server's.
const WORDS = {
  too_many_attempts: "That was tried too often, so there is a pause.",
  too_many_requests: "Too much was asked for from here in a short time.",
  overloaded: "The server has more to do than it can right now. Nothing was changed.",
  unavailable: "A part of the server is not available right now. Nothing was changed.",
  challenge_required: "The server has a lot to do right now, and this browser could not prove that it is one. Try again.",
  challenge_invalid: "The server did not take this browser’s proof that it is one. Try again.",
  ticket_expired: "This took too long, or the code was used before. Start again.",
  invalid_reset_token: "This was used before, took too long, or the account was changed since. Ask for a new mail.",
  invalid_mailed_token: "This link was used before, or is too old.",
  email_taken: "This address has an account already.",
  email_not_verified: "Confirm your e-mail address first, on your account page.",
  edited_meanwhile: "The account was changed somewhere else at the same moment. Try again.",
};

const LONG_SECONDS = 3600;

/** A refusal in words; where the server says when to try again, with the time that is left. */
export function refusal(problem) {
  const words = WORDS[problem.code] ?? problem.message;
  return problem.retryAfterSeconds ? [`${words} `, countdown(problem.retryAfterSeconds)] : [words];
}

function countdown(seconds) {
  const ends = performance.now() + seconds * 1000;
  const left = h("span", { class: "tabular", role: "timer" });
  const tick = () => {
    const remaining = (ends - performance.now()) / 1000;
    left.textContent = remaining > 0 ? `Try again in ${inWords(remaining)}.` : "You can try again now.";
    return remaining > 0;
  };
  tick();
  const timer = setInterval(() => {
    if (!left.isConnected) return clearInterval(timer);
    if (tick()) return undefined;
    announce("You can try again now.");
    return clearInterval(timer);
  }, 1000);
  return left;
}

const inWords = (seconds) => (seconds > LONG_SECONDS ? duration(seconds) : clock(seconds));
