/** Draws the stage that the patient is on. */

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { loadCall } from "../call/load";
import type { CallViewProps } from "../call/view";
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
const Waiting = lazy(loadWaiting);

export function App({ visit, media }: Props) {
  const stage = visit.stage.value;
  useEffect(() => turnedTo(stage, media), [stage, media]);
  useEffect(() => void loadWaiting(), []);
  return (
    <>
      {stage === "call" ? (
        <LazyCall visit={visit} media={media} />
      ) : (
        SCREENS[stage]({ visit, media })
      )}
      {stage === "entry" || stage === "shut" ? (
        <Languages locales={visit.clinic.value?.locales ?? []} />
      ) : null}
      <Announcer />
    </>
  );
}

const SCREENS: Readonly<Record<Exclude<Stage, "call">, (props: Props) => preact.JSX.Element>> = {
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
  waiting: (props) => <Waiting {...props} />,
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

/** The call's code is fetched while the person waits, and needed only now. */
function LazyCall({ visit, media }: Props) {
  const View = useSignal<ComponentType<CallViewProps> | null>(null);
  useEffect(() => {
    void loadCall().then((module) => {
      View.value = module.CallView;
    });
  }, [View]);
  if (View.value === null) return SCREENS.loading({ visit, media });
  return (
    <View.value
      path={visit.callPath}
      media={media}
      title={visit.clinic.value?.display_name ?? ""}
      rights={NO_RIGHTS}
      over={(outcome) => visit.callOver(outcome)}
    />
  );
}
