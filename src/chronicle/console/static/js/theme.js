// Runs before the first paint, so that a remembered theme never flashes the other one.
// Without a choice the page follows the system; see tokens.css.
(() => {
  const key = "chronicle.theme";
  const known = new Set(["light", "dark"]);
  const remembered = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off
    }
  };
  const apply = (theme) => {
    if (known.has(theme)) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };

  apply(remembered());
  addEventListener("storage", (event) => event.key === key && apply(event.newValue));

  globalThis.chronicleTheme = {
    /** "light" or "dark": what is showing now. */
    showing: () =>
      document.documentElement.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
    choose: (theme) => {
      apply(theme);
      try {
        localStorage.setItem(key, theme);
      } catch {
        // The choice then lasts for this page.
      }
    },
  };
})();
