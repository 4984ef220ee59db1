// The first address: the timeline for whoever is signed in, the landing for everyone else.

import * as session from "../session.mjs";
import { render as landing } from "./landing.mjs";
import { render as timeline } from "./timeline.mjs";

export const render = (page) => (session.user() ? timeline(page) : landing(page));
