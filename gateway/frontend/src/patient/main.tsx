/** The patient's page. */

import { render } from "preact";
import { loadTexts } from "../shared/i18n";
import { LocalMedia } from "../shared/media";
import { wantsSmallVideo } from "../shared/options";
import { TEXTS } from "../shared/public-texts";
import { provideStats } from "../shared/support";
import { App } from "./app";
import { Visit } from "./visit";

const [, , namespace = "", clinic = ""] = location.pathname.split("/");
const visit = new Visit(`${namespace}/${clinic}`);
const media = new LocalMedia(wantsSmallVideo(location.search));
const root = document.getElementById("app");

provideStats();
await loadTexts(TEXTS);
if (root !== null) {
  root.replaceChildren();
  render(<App visit={visit} media={media} />, root);
}
await visit.load();
