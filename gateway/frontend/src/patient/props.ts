/** What every screen of the patient gets. */

import type { LocalMedia } from "../shared/media";
import type { Visit } from "./visit";

export interface Props {
  readonly visit: Visit;
  readonly media: LocalMedia;
}
