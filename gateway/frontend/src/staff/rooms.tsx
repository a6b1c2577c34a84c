/** A consultation, or a room: the call, and what comes after it. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Rights } from "../call/controls";
import { loadCall } from "../call/load";
import type { Outcome } from "../call/session";
import type { CallViewProps } from "../call/view";
import { request } from "../shared/http";
import { t } from "../shared/i18n";
import { LocalMedia } from "../shared/media";
import { wantsSmallVideo } from "../shared/options";
import { Page, Working } from "../shared/ui";
import { LiveQueue } from "./queue-socket";
import { refusal } from "./refusal";
import { go, Link } from "./router";
import { dashboardPath } from "./routes";
import { type Act, type Step, Steps } from "./steps";
import { pageTitle } from "./title";
import type { Room, StaffClinic } from "./types";

/** What the gateway's tickets let staff do. */
const STAFF_RIGHTS: Rights = { hold: true, mute: true, lock: true, endForAll: true };

interface VisitProps {
  readonly clinic: StaffClinic;
  readonly visit: string;
}

/** The call's own controls end it, and who is here has joined. */
const IN_CALL: ReadonlySet<Step> = new Set(["join", "end"]);

export function VisitPage({ clinic, visit }: VisitProps) {
  const { namespace, name } = clinic;
  const home = dashboardPath(namespace, name);
  const live = useMemo(() => new LiveQueue(namespace, name), [namespace, name]);
  useEffect(() => () => live.close(), [live]);
  const notice = useSignal("");
  const entry = live.queue.value?.visits.find((one) => one.visit === visit);
  const act: Act = async (action, of, body = {}) => {
    notice.value = "";
    try {
      await request("POST", `/api${home}/visits/${visit}/${action}`, body);
    } catch (error) {
      notice.value = refusal(error, of);
    }
  };
  return (
    <CallPage
      path={`/ws/call/visit/${visit}`}
      title={clinic.display_name}
      home={home}
      rights={STAFF_RIGHTS}
      above={
        <div class="call-steps" data-testid="call-steps">
          {notice.value !== "" && <p role="alert">{notice.value}</p>}
          {entry !== undefined && (
            <Steps clinic={clinic} entry={entry} act={act} without={IN_CALL} />
          )}
        </div>
      }
      // The visit ends with its call, whichever of the two is heard first.
      ending={() => void request("POST", `/api${home}/visits/${visit}/end`, {}).catch(() => null)}
    />
  );
}

interface RoomProps {
  readonly clinic: StaffClinic;
  readonly room: Room;
}

export function RoomPage({ clinic, room }: RoomProps) {
  const { namespace, name } = clinic;
  return (
    <CallPage
      path={`/ws/call/room/${namespace}/${name}/${room.kind}/${room.name}`}
      title={room.display_name}
      home={dashboardPath(namespace, name)}
      rights={STAFF_RIGHTS}
    />
  );
}

interface CallPageProps {
  readonly path: string;
  readonly title: string;
  readonly home: string;
  readonly rights: Rights;
  readonly ending?: () => void;
  readonly above?: ComponentChildren;
}

function CallPage({ home, ...call }: CallPageProps) {
  const media = useMemo(() => new LocalMedia(wantsSmallVideo(location.search)), []);
  const View = useSignal<ComponentType<CallViewProps> | null>(null);
  const outcome = useSignal<Outcome | null>(null);
  useEffect(() => {
    void loadCall().then((module) => {
      View.value = module.CallView;
    });
    pageTitle.value = call.title;
    return () => media.stop();
  }, [media, View, call.title]);

  const over = (how: Outcome) => {
    media.stop();
    if (how === "left") go(home);
    else outcome.value = how;
  };
  if (outcome.value !== null) {
    return (
      <After
        outcome={outcome.value}
        home={home}
        again={() => {
          outcome.value = null;
        }}
      />
    );
  }
  if (View.value === null) {
    return (
      <Page title={t("loading")} testid="loading">
        <Working label={t("loading-hint")} />
      </Page>
    );
  }
  return <View.value {...call} media={media} over={over} />;
}

/** Endings that a second try can mend. */
const CAN_TRY_AGAIN: ReadonlySet<Outcome> = new Set(["replaced", "full", "locked", "failed"]);

interface AfterProps {
  readonly outcome: Outcome;
  readonly home: string;
  readonly again: () => void;
}

function After({ outcome, home, again }: AfterProps) {
  return (
    <Page title={t(`after-${outcome}-title`)} testid={`after-${outcome}`}>
      <p class="lead">{t(`after-${outcome}-hint`)}</p>
      <div class="row">
        {CAN_TRY_AGAIN.has(outcome) && (
          <button type="button" onClick={again} data-testid="again">
            {t(outcome === "replaced" ? "use-here" : "try-again")}
          </button>
        )}
        <Link
          to={home}
          class={CAN_TRY_AGAIN.has(outcome) ? "button quiet" : "button"}
          testid="to-dashboard"
        >
          {t("to-dashboard")}
        </Link>
      </div>
    </Page>
  );
}
