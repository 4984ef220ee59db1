// A rough guess at how many guesses a password takes, and what is weak about it, in plain words.
// It only helps while typing: the server knows more, and its word is the one that counts.

const EASY = 10; // as the server has it: ten thousand million guesses, as a power of ten
const GOOD = 14;

const ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "1234567890", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "1q2w3e4r5t6y7u8i9o0p"];
const PATHS = ROWS.flatMap((row) => [row, [...row].reverse().join("")]);

// What people start passwords with most often; the server has the long list.
const COMMON = new Set(
  `abc admin administrator amanda andrew angel apple ashley asdf austin bailey baseball basketball batman benfica
  buster charlie cheese chelsea chocolate computer cookie corvette daniel default diamond dragon eagle facebook
  flower football forever freedom friend george ginger google guest hannah harley hello hockey hunter iloveyou
  internet jasmine jennifer jessica jordan joshua juventus killer letmein liverpool login london love lovely
  maggie manchester marina master matrix matthew mercedes merlin michael michelle money monkey mother mustang
  naruto nicole nothing office orange pass passw password peanut pepper phoenix please pokemon princess purple
  qwerty rainbow ranger robert samsung secret shadow silver simple snoopy soccer spider spiderman starwars
  summer sunshine superman sweet taylor test thomas thunder tigger trust user victoria welcome whatever winter
  yankees yellow`.split(/\s+/u),
);
const LOOK_ALIKES = { 4: "a", "@": "a", 8: "b", 3: "e", 6: "g", 9: "g", 1: "i", "!": "i", 0: "o", 5: "s", $: "s", 7: "t", "+": "t" };

/**
 * `{power, level, reason}`: the guesses as a power of ten; 0 to 3 for very easy, easy, good and
 * strong; and why it is easy, or null. `known` are texts that a guesser knows of the person.
 */
export function strength(password, known = []) {
  const characters = [...password.normalize("NFC")];
  const parts = split(characters, [...knownWords(known), "chronicle"]);
  const power = parts.reduce((sum, part) => sum + part.power, 0);
  const level = power < EASY / 2 ? 0 : power < EASY ? 1 : power < GOOD ? 2 : 3;
  return { power, level, reason: level < 2 ? worst(parts) : null };
}

function knownWords(texts) {
  return texts
    .flatMap((text) => [text, ...text.split(/[^\p{L}]+/u)])
    .map((word) => plain([...word]))
    .filter((word) => word.length >= 3);
}

const plain = (characters) => characters.map((one) => LOOK_ALIKES[one] ?? one.toLowerCase()).join("");

/** The parts that a guesser would try one by one: at each place the one that covers most. */
function split(characters, known) {
  const parts = [];
  for (let at = 0; at < characters.length; ) {
    const rest = characters.slice(at);
    const found = [repeat(rest, known), path(rest), run(rest), word(rest, known), year(rest)].filter(Boolean);
    const part = found.sort((a, b) => b.length - a.length)[0] ?? loose(rest, known);
    parts.push(part);
    at += part.length;
  }
  return parts;
}

/** What stands here twice or more in a row: one of it counts, and how often. */
function repeat(rest, known) {
  const text = rest.map((one) => one.toLowerCase());
  for (let unit = 1; unit <= text.length / 2; unit += 1) {
    let length = unit;
    while (length < text.length && text[length] === text[length - unit]) length += 1;
    if (length >= 2 * unit && length >= 3) {
      const once = split(rest.slice(0, unit), known).reduce((sum, part) => sum + part.power, 0);
      return { length, power: once + Math.log10(length / unit), reason: "it repeats itself" };
    }
  }
  return null;
}

/** Along the rows of a keyboard. */
function path(rest) {
  const text = rest.join("").toLowerCase();
  const along = (row) => {
    for (let length = Math.min(text.length, row.length); length >= 4; length -= 1) if (row.includes(text.slice(0, length))) return length;
    return 0;
  };
  const length = Math.max(...PATHS.map(along));
  return length ? { length, power: 2 + length / 10, reason: "it runs along the keys" } : null;
}

/** Counting, or the alphabet, up or down. */
function run(rest) {
  const codes = rest.map((one) => one.toLowerCase().codePointAt(0));
  const step = codes[1] - codes[0];
  let length = 1;
  while (length < codes.length && codes[length] - codes[length - 1] === step) length += 1;
  return length >= 3 && Math.abs(step) === 1 ? { length, power: 2, reason: "it counts, or follows the alphabet" } : null;
}

/** What is known of the person, or common, also with signs in place of letters. */
function word(rest, known) {
  const text = plain(rest);
  const own = longest(known.filter((one) => text.startsWith(one)));
  const common = longest([...COMMON].filter((one) => text.startsWith(one)));
  if (own.length >= Math.max(common.length, 3)) return { length: own.length, power: 1, reason: "it holds your name, your address or this site’s name" };
  return common ? { length: common.length, power: 2.5, reason: `it holds what many people use, such as “${common}”` } : null;
}

const longest = (words) => words.reduce((best, one) => (one.length > best.length ? one : best), "");

function year(rest) {
  return /^(19|20)\d\d/.test(rest.join("")) ? { length: 4, power: 2, reason: "it holds a year" } : null;
}

/** Letters up to where something else begins, or one other character. */
function loose(rest, known) {
  const [first] = rest;
  if (/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u.test(first)) return { length: 1, power: 1.5, reason: null };
  if (!/\p{L}/u.test(first)) return { length: 1, power: /\d/.test(first) ? 1 : /\s/.test(first) ? 0.3 : 1.5, reason: null };
  let length = 1;
  while (length < rest.length && /\p{L}/u.test(rest[length]) && !word(rest.slice(length), known) && !repeat(rest.slice(length, length + 8), known)) length += 1;
  const letters = rest.slice(0, length).join("").toLowerCase();
  const vowels = letters.match(/[aeiouyаеёиоуыэюя]/gu)?.length ?? 0;
  // Where few vowels are, it is no word but drawn letters, and each counts in full.
  const power = vowels / length < 0.2 ? 1.3 * length : Math.min(1.4 * length, 1 + 0.5 * length);
  return { length, power, reason: null };
}

/** The reason that covers most of the password. */
function worst(parts) {
  const covered = new Map();
  for (const { reason, length } of parts) if (reason) covered.set(reason, (covered.get(reason) ?? 0) + length);
  const [reason] = [...covered].sort((a, b) => b[1] - a[1])[0] ?? ["it is put together from few parts"];
  return reason;
}
