/** The pages of staff, and the front page. */

import { render } from "preact";
import { type Loaders, loadTexts } from "../shared/i18n";
import { provideStats } from "../shared/support";
import { App } from "./app";
import "./staff.css";

const TEXTS: Loaders = {
  en: () => import("../locales/en.ftl?staff"),
  ar: () => import("../locales/ar.ftl?staff"),
};
const root = document.getElementById("app");

provideStats();
await loadTexts(TEXTS);
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
