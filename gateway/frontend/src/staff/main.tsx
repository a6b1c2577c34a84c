/** The pages of staff, and the front page. */

import { render } from "preact";
import { loadTexts } from "../shared/i18n";
import { provideStats } from "../shared/support";
import { App } from "./app";
import { TEXTS } from "./texts";

const root = document.getElementById("app");

provideStats();
await loadTexts(TEXTS);
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
