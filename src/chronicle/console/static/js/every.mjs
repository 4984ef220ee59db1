// Asking again now and then, for as long as a page shows.

/**
 * Run `work` every `milliseconds` until the signal aborts: never twice at once, and not while
 * nobody looks. `work` may answer "enough" to end it.
 */
export function every(milliseconds, signal, work) {
  let running = false;
  const timer = setInterval(async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      if ((await work()) === "enough") clearInterval(timer);
    } finally {
      running = false;
    }
  }, milliseconds);
  signal.addEventListener("abort", () => clearInterval(timer));
}
