/** Draws the stage that the patient is on. */

import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { LazyCall } from "../call/load";
import { chime } from "../shared/chime";
import { addTexts, type Loaders, t } from "../shared/i18n";
import { Languages } from "../shared/languages";
import { lazy } from "../shared/lazy";
import type { LocalMedia } from "../shared/media";
import { NO_RIGHTS } from "../shared/rights";
import { Announcer, Page, Working } from "../shared/ui";
import { Entrance } from "./entry";
import type { Stage } from "./journey";
import {
  End,
  Expired,
  Left,
  OneMoment,
  Refused,
  Replaced,
  Shut,
  SteppedOut,
  Trouble,
  Unknown,
} from "./pages";
import type { Props } from "./props";

const WAITING: Loaders = {
  en: () => import("../locales/en.ftl?waiting"),
  ar: () => import("../locales/ar.ftl?waiting"),
};

/** Fetched while the person fills in the form. */
const loadWaiting = async () => {
  const [module] = await Promise.all([import("./waiting"), addTexts(WAITING)]);
  return module.Waiting;
};
const Waiting = lazy<Props>(loadWaiting);

export function App({ visit, media }: Props) {
  const stage = visit.stage.value;
  const Screen = SCREENS[stage];
  useEffect(() => turnedTo(stage, media), [stage, media]);
  useEffect(() => void loadWaiting(), []);
  return (
    <>
      <Screen visit={visit} media={media} />
      {stage === "entry" || stage === "shut" ? (
        <Languages locales={visit.clinic.value?.locales ?? []} />
      ) : null}
      <Announcer />
    </>
  );
}

const SCREENS: Readonly<Record<Stage, ComponentType<Props>>> = {
  loading: () => (
    <Page title={t("loading")} testid="loading">
      <Working label={t("loading-hint")} />
    </Page>
  ),
  one_moment: OneMoment,
  unknown_clinic: Unknown,
  shut: Shut,
  entry: Entrance,
  expired: Expired,
  waiting: Waiting,
  call: InCall,
  stepped_out: SteppedOut,
  left: Left,
  ended: End,
  refused: Refused,
  replaced: Replaced,
  trouble: Trouble,
};

/** Stages in which the camera's light has no reason to be on. */
const CAMERA_OFF: ReadonlySet<Stage> = new Set([
  "left",
  "ended",
  "refused",
  "replaced",
  "shut",
  "expired",
]);

function turnedTo(stage: Stage, media: LocalMedia): void {
  if (CAMERA_OFF.has(stage)) media.stop();
  if (stage === "call") chime();
}

/** Its code is fetched while the person waits. */
function InCall({ visit, media }: Props) {
  return (
    <LazyCall
      path={visit.callPath}
      media={media}
      title={visit.clinic.value?.display_name ?? ""}
      rights={NO_RIGHTS}
      over={(outcome) => visit.callOver(outcome)}
    />
  );
}
