/** The guest's page. */

import { render } from "preact";
import { loadTexts } from "../shared/i18n";
import { LocalMedia } from "../shared/media";
import { wantsSmallVideo } from "../shared/options";
import { TEXTS } from "../shared/public-texts";
import { provideStats } from "../shared/support";
import { App } from "./app";
import { Guest } from "./guest";

const [, , namespace = "", clinic = ""] = location.pathname.split("/");
const guest = new Guest(`${namespace}/${clinic}`);
const media = new LocalMedia(wantsSmallVideo(location.search));
const root = document.getElementById("app");

// A newer link, opened in this very tab, changes nothing but what stands behind the `#`.
addEventListener("hashchange", () => location.reload());
provideStats();
await loadTexts(TEXTS);
if (root !== null) {
  root.replaceChildren();
  render(<App guest={guest} media={media} />, root);
}
await guest.load();
