/** Draws the stage that the patient is on. */

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import type { CallViewProps } from "../call/view";
import { t } from "../shared/i18n";
import { Languages } from "../shared/languages";
import type { LocalMedia } from "../shared/media";
import { NO_RIGHTS } from "../shared/rights";
import { Announcer, Page, Working } from "../shared/ui";
import { chime } from "./chime";
import { Entrance } from "./entry";
import type { Stage } from "./journey";
import {
  End,
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
import { Waiting } from "./waiting";

export function App({ visit, media }: Props) {
  const stage = visit.stage.value;
  useEffect(() => turnedTo(stage, media), [stage, media]);
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
  waiting: Waiting,
  stepped_out: SteppedOut,
  left: Left,
  ended: End,
  refused: Refused,
  replaced: Replaced,
  trouble: Trouble,
};

/** Stages in which the camera's light has no reason to be on. */
const CAMERA_OFF: ReadonlySet<Stage> = new Set(["left", "ended", "refused", "replaced", "shut"]);

function turnedTo(stage: Stage, media: LocalMedia): void {
  if (CAMERA_OFF.has(stage)) media.stop();
  if (stage === "call") chime();
}

/** The call's code is fetched while the person waits, and needed only now. */
function LazyCall({ visit, media }: Props) {
  const View = useSignal<ComponentType<CallViewProps> | null>(null);
  useEffect(() => {
    void import("../call/view").then((module) => {
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
