// Check a proof, and say in words what it proves and what it does not. Pure: no server, no clock.
// The same questions with the same answers as `chronicle verify`.

import { parseBundle } from "./bundle.mjs";
import { hex, Unreadable } from "./bytes.mjs";
import { commitsTo, opens, parseEntry } from "./entry.mjs";
import { arrivesAt, leafHash, walk } from "./merkle.mjs";
import { heardFrom, parseCheckpoint, parseNote, parseVerifierKey } from "./note.mjs";

/** The results; each is an exit code of `chronicle verify`. */
export const OUTCOMES = { proven: 0, false: 1, unauthenticated: 2, unreadable: 3 };

/**
 * Check a proof under the keys that the reader trusts, and against a file if there is one.
 *
 * `keys` are verifier keys as text; `file` is `{size, cids: Map of profile to CID}`. Answers
 * `{outcome, reason, steps, facts}`: `steps` lists what was checked as `{name, holds, words}`,
 * where `holds` is true, false, or null for what could not be decided; `facts` is what the proof
 * says, null when it can't be read.
 */
export async function check(bytes, { keys = [], file = null } = {}) {
  try {
    return await checkReadable(bytes, keys, file);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const steps = [{ name: "The proof can be read", holds: false, words: `It can’t: this is ${error.message}.` }];
    return { outcome: "unreadable", reason: `This is ${error.message}.`, steps, facts: null };
  }
}

async function checkReadable(bytes, keys, file) {
  const bundle = parseBundle(bytes);
  const note = parseNote(bundle.checkpoint);
  const checkpoint = parseCheckpoint(note.text);
  const entry = parseEntry(bundle.entry);
  const leaf = await leafHash(bundle.entry);
  const walked = await walk(leaf, bundle.index, checkpoint.size, bundle.hashes);
  const trusted = await Promise.all(keys.map(parseVerifierKey));
  const signature = await checkSignature(trusted, note, checkpoint);
  const steps = [
    { name: "The proof can be read", holds: true, words: "It follows the format c2sp.org/tlog-proof@v1." },
    await checkFields(bundle),
    checkPlace(bundle, checkpoint, walked),
    signature.step,
    ...checkFile(bundle, file),
  ];
  return { ...judge(steps), steps, facts: { ...factsOf(bundle, entry, checkpoint), leaf, walked, signedBy: signature.by } };
}

async function checkFields(bundle) {
  const name = "The fields are what the entry commits to";
  if (!(await commitsTo(bundle.entry, bundle.commitments))) {
    return { name, holds: false, words: "The fields are not those that the entry commits to." };
  }
  for (const [field, opening] of bundle.openings) {
    if (!(await opens(bundle.commitments, field, opening))) {
      return { name, holds: false, words: `The field “${field}” does not have the value that the entry commits to.` };
    }
  }
  const shown = bundle.openings.size;
  const kept = bundle.commitments.length - shown;
  const rest = kept > 0 ? `; ${kept} more ${kept === 1 ? "is" : "are"} kept private` : "";
  return { name, holds: true, words: `${shown} ${shown === 1 ? "field is" : "fields are"} opened, and each fits its commitment${rest}.` };
}

function checkPlace(bundle, checkpoint, walked) {
  const name = "The entry stands in the ledger";
  if (!arrivesAt(walked, checkpoint.root)) {
    return { name, holds: false, words: "The entry is not at this place in the checkpoint’s tree." };
  }
  const hashes = walked.steps.length;
  const path = hashes === 0 ? "It is the whole tree" : `${hashes} ${hashes === 1 ? "hash leads" : "hashes lead"} from it to the root`;
  return { name, holds: true, words: `${path}: entry № ${bundle.index} in a ledger of ${checkpoint.size}.` };
}

async function checkSignature(keys, note, { origin }) {
  const name = "The ledger’s key signed this state of it";
  const heard = await Promise.all(keys.map((key) => heardFrom(key, note)));
  const forged = keys[heard.indexOf("forged")];
  if (forged) return { step: { name, holds: false, words: `The signature of ${forged.name} does not fit the checkpoint.` } };
  const by = keys.find((key, at) => heard[at] === "signed" && key.name === origin);
  if (by) return { by, step: { name, holds: true, words: `Signed under the name ${by.name}, by the key ${hex(by.keyId)}.` } };
  if (heard.includes("signed")) {
    return { step: { name, holds: false, words: "A trusted key signed the checkpoint, but of a ledger of another name." } };
  }
  const words = keys.length
    ? "The key you trust did not sign this checkpoint."
    : "No key was given, so it is not known whose ledger this is.";
  return { step: { name, holds: null, words } };
}

function checkFile(bundle, file) {
  if (file === null) return [];
  const name = "The file is the one on record";
  const cid = openedText(bundle, "cid");
  if (cid === null) return [{ name, holds: false, words: "The proof opens no CID, so it says nothing of this file." }];
  const profile = openedText(bundle, "profile");
  const tried = profile === null ? [...file.cids.keys()] : [profile];
  const matching = tried.find((one) => file.cids.get(one) === cid);
  if (matching === undefined) return [{ name, holds: false, words: "The file is not the one in the entry: its CID is another." }];
  const size = bundle.openings.get("size")?.value;
  if (size !== undefined && size !== file.size) {
    return [{ name, holds: false, words: "The file is not the one in the entry: its size is another." }];
  }
  return [{ name, holds: true, words: `Its content gives the CID in the entry, cut by the profile ${matching}.` }];
}

function judge(steps) {
  const failed = steps.find((step) => step.holds === false);
  if (failed) return { outcome: "false", reason: failed.words };
  const open = steps.find((step) => step.holds === null);
  return open ? { outcome: "unauthenticated", reason: open.words } : { outcome: "proven", reason: null };
}

function factsOf(bundle, entry, checkpoint) {
  const names = bundle.commitments.map(([name]) => name);
  return {
    index: bundle.index,
    at: entry.at,
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: checkpoint.root,
    opened: new Map([...bundle.openings].map(([name, { value }]) => [name, value])),
    closed: names.filter((name) => !bundle.openings.has(name)),
    cid: openedText(bundle, "cid"),
    profile: openedText(bundle, "profile"),
  };
}

function openedText(bundle, name) {
  const value = bundle.openings.get(name)?.value;
  return typeof value === "string" ? value : null;
}
