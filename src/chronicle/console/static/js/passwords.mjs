// What is said of a password while it is typed. Its length is the server's rule: 15 to 256 code
// points after NFC. How strong it is, is a rough guess; the server judges, with what it knows.

import { strength } from "./password-strength.mjs";

export const SHORTEST = 15;
export const LONGEST = 256;

/** Length in code points, so that an emoji counts as what it is. */
export const codePoints = (password) => [...password.normalize("NFC")].length;

const LEVELS = ["Very easy to guess", "Easy to guess", "Good", "Strong"];

/**
 * A sentence on the password so far; whether its length will do; and then its level, 0 to 3.
 * `known` are texts that a guesser knows of the person.
 */
export function judge(password, known = []) {
  const length = codePoints(password);
  if (length === 0) return { fits: false, words: `At least ${SHORTEST} characters. A sentence works well.`, level: null };
  if (length < SHORTEST) return { fits: false, words: `${plural(SHORTEST - length)} to go, of at least ${SHORTEST}.`, level: null };
  if (length > LONGEST) return { fits: false, words: `${plural(length - LONGEST)} too many; ${LONGEST} is the most.`, level: null };
  const { level, reason } = strength(password, known);
  return { fits: true, words: `${plural(length)}. ${LEVELS[level]}${reason ? `: ${reason}` : ""}.`, level };
}

const plural = (count) => `${count} character${count === 1 ? "" : "s"}`;
