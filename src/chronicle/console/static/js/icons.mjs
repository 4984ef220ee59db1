// Line icons on a 24-unit grid, drawn for this console. Always beside words or a label.

import { s } from "./dom.mjs";

const PATHS = {
  arrow: ["M5 12h14", "M13 6l6 6-6 6"],
  back: ["M19 12H5", "M11 6l-6 6 6 6"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17z", "M12 7.5V12l3 2"],
  copy: ["M9 9h10v11H9z", "M5 15V4h10"],
  cross: ["M6 6l12 12", "M18 6L6 18"],
  download: ["M12 4v11", "M7 10.5l5 5 5-5", "M5 20h14"],
  eye: ["M2.5 12S6 5.5 12 5.5S21.5 12 21.5 12S18 18.5 12 18.5S2.5 12 2.5 12z", "M12 9.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5z"],
  file: ["M6 3.5h8l4.5 4.5v12.5H6z", "M13.5 3.5V8.5h5"],
  info: ["M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17z", "M12 11v5", "M12 7.75v.1"],
  key: ["M8 10.5a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", "M11 11.5l8.5-8", "M16 6.5l3 3"],
  mail: ["M3.5 5.5h17v13h-17z", "M4 6.5l8 6.5 8-6.5"],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5A8 8 0 1 0 19.5 14.5z"],
  pin: ["M12 21s6.5-6 6.5-11a6.5 6.5 0 1 0-13 0c0 5 6.5 11 6.5 11z", "M12 7.75a2.25 2.25 0 1 0 0 4.5a2.25 2.25 0 1 0 0-4.5z"],
  public: ["M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17z", "M3.5 12h17", "M12 3.5c-5 5-5 12 0 17c5-5 5-12 0-17z"],
  refresh: ["M19.5 12a7.5 7.5 0 1 1-2.2-5.3", "M19.5 3.5v4h-4"],
  seal: ["M12 3l2.3 1.7 2.8 0 .9 2.7 2.3 1.7-.9 2.7.9 2.7-2.3 1.7-.9 2.7-2.8 0L12 21.6 9.7 19.9l-2.8 0-.9-2.7-2.3-1.7.9-2.7-.9-2.7L6 8.4l.9-2.7 2.8 0z", "M8.8 12.3l2.3 2.3 4.2-4.4"],
  sun: ["M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"],
  upload: ["M12 20V8", "M7 12.5l5-5 5 5", "M5 4h14"],
  warning: ["M12 4L2.8 19.5h18.4z", "M12 10v4.5", "M12 17v.1"],
};

/** One icon, hidden from those who listen: the words beside it say the same. */
export function icon(name) {
  const drawn = s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" });
  for (const path of PATHS[name]) drawn.append(s("path", { d: path }));
  return drawn;
}
