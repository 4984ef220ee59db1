// Where the console starts: find out who is signed in, then show the page.

import * as frame from "./frame.mjs";
import * as router from "./router.mjs";
import * as session from "./session.mjs";

frame.start();
await session.restore();
frame.settle();

// A sign-out, here or in another tab, changes what an address shows.
let signedIn = session.user() !== null;
session.onChange(() => {
  const now = session.user() !== null;
  if (signedIn && !now) router.again();
  signedIn = now;
});

router.start();
