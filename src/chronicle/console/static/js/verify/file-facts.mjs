// What a check needs to know of a file: its size and CIDs, worked out in a worker.

/**
 * A worker, started at once so that it is there when the network is gone. `facts(file, profiles,
 * onProgress)` answers `{size, cids}` and ends an earlier question; `stop()` ends the worker.
 */
export function fileReader() {
  const worker = new Worker(new URL("./file-worker.mjs", import.meta.url), { type: "module" });
  const waiting = new Map();
  let tickets = 0;
  worker.addEventListener("message", ({ data: { ticket, done, cids, error } }) => {
    const one = waiting.get(ticket);
    if (done !== undefined) return one?.onProgress(done);
    waiting.delete(ticket);
    return cids ? one.resolve(cids) : one.reject(new Error(error));
  });
  worker.addEventListener("error", () => {
    for (const one of waiting.values()) one.reject(new Error("The worker that reads files could not start."));
    waiting.clear();
  });
  return {
    async facts(file, profiles, onProgress = () => {}) {
      tickets += 1;
      const cids = await new Promise((resolve, reject) => {
        waiting.set(tickets, { resolve, reject, onProgress });
        worker.postMessage({ ticket: tickets, file, profiles });
      });
      return { size: file.size, cids };
    },
    stop: () => worker.terminate(),
  };
}
