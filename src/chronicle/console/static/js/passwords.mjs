// The password rule as the server has it: 15 to 256 code points after NFC, and nothing else.

export const SHORTEST = 15;
export const LONGEST = 256;

/** Length in code points, so that an emoji counts as what it is. */
export const codePoints = (password) => [...password.normalize("NFC")].length;

/** A sentence on the length so far, and whether it will do. */
export function judge(password) {
  const length = codePoints(password);
  if (length === 0) return { fits: false, words: `At least ${SHORTEST} characters. A sentence works well.` };
  if (length < SHORTEST) return { fits: false, words: `${plural(SHORTEST - length)} to go, of at least ${SHORTEST}.` };
  if (length > LONGEST) return { fits: false, words: `${plural(length - LONGEST)} too many; ${LONGEST} is the most.` };
  return { fits: true, words: `${plural(length)}: long enough.` };
}

const plural = (count) => `${count} character${count === 1 ? "" : "s"}`;
