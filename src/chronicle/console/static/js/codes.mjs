// Codes that people type: eight characters of Crockford base32, shown as 7K3M-Q9TD.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
export const CODE_LENGTH = 8;

/** What was typed or pasted, as the alphabet has it: any case, O for 0, I and L for 1. */
export function characters(typed) {
  const upper = typed.toUpperCase().replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  return [...upper].filter((character) => ALPHABET.includes(character)).join("").slice(0, CODE_LENGTH);
}

/** The code with its dash, as far as it has been typed. */
export function shown(typed) {
  const known = characters(typed);
  return known.length > 4 ? `${known.slice(0, 4)}-${known.slice(4)}` : known;
}

/** The first code that stands on a line of its own, as in a mail, or null. */
export function findIn(text) {
  const found = /^\s*([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})\s*$/m.exec(text);
  return found ? found[1] : null;
}
