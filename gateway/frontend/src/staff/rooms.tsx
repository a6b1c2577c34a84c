/** A consultation, or a room: the call, and what comes after it. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { LazyCall } from "../call/load";
import type { Outcome } from "../call/session";
import { request } from "../shared/http";
import { t } from "../shared/i18n";
import { LocalMedia } from "../shared/media";
import { wantsSmallVideo } from "../shared/options";
import type { Rights } from "../shared/rights";
import { Page } from "../shared/ui";
import { isMine } from "./account";
import { Confirmation } from "./confirmation";
import { Guests } from "./guests";
import { type Queue, together } from "./queue";
import { LiveQueue } from "./queue-socket";
import { refusal } from "./refusal";
import { go, Link } from "./router";
import { dashboardPath } from "./routes";
import { type Act, type Step, Steps } from "./steps";
import { pageTitle } from "./title";
import type { QueueEntry, Room, StaffClinic } from "./types";

/** What the gateway's tickets let staff do. */
const STAFF_RIGHTS: Rights = {
  hold: true,
  mute: true,
  lock: true,
  remove: true,
  endForAll: true,
};

interface VisitProps {
  readonly clinic: StaffClinic;
  readonly visit: string;
}

/** The call's own controls end it, and who is here has joined. */
const IN_CALL: ReadonlySet<Step> = new Set(["join", "end"]);
/** Of several patients each may be let go alone. */
const IN_SHARED_CALL: ReadonlySet<Step> = new Set(["join"]);

export function VisitPage({ clinic, visit }: VisitProps) {
  const { namespace, name } = clinic;
  const home = dashboardPath(namespace, name);
  const live = useLive(clinic);
  const { notice, act } = useAct(home);
  const queue = live.queue.value;
  const patients = useCompany(queue, visit);
  return (
    <CallPage
      path={`/ws/call/visit/${visit}`}
      title={clinic.display_name}
      home={home}
      rights={STAFF_RIGHTS}
      above={
        <div class="call-steps" data-testid="call-steps">
          {notice !== "" && <p role="alert">{notice}</p>}
          {patients.map((entry) => (
            <div
              key={entry.visit}
              class="call-patient"
              data-testid="call-patient"
              data-visit={entry.visit}
            >
              {patients.length > 1 && <bdi>{entry.name}</bdi>}
              <Steps
                clinic={clinic}
                entry={entry}
                act={act}
                without={patients.length > 1 ? IN_SHARED_CALL : IN_CALL}
              />
              <Guests
                clinic={clinic}
                guests={queue?.guests ?? []}
                place="visit"
                name={entry.visit}
                placeId={entry.visit}
                mine={false}
              />
            </div>
          ))}
          {isMine(patients[0]?.called_by) && clinic.may.includes("add") && (
            <Adder
              waiting={queue?.visits.filter((one) => one.state === "waiting") ?? []}
              confirms={clinic.confirm_identity}
              add={(entry) =>
                void act("add", entry, {
                  to: patients[0]?.visit,
                  confirmed: clinic.confirm_identity,
                })
              }
            />
          )}
        </div>
      }
      ending={() => void request("POST", `/api${home}/visits/${visit}/end`, {}).catch(() => null)}
    />
  );
}

/** Acting on visits of a call, and why that was refused last. */
function useAct(home: string): { readonly notice: string; readonly act: Act } {
  const notice = useSignal("");
  const act: Act = async (action, of, body = {}) => {
    notice.value = "";
    try {
      await request("POST", `/api${home}/visits/${of.visit}/${action}`, body);
    } catch (error) {
      notice.value = refusal(error, of);
    }
  };
  return { notice: notice.value, act };
}

function useLive({ namespace, name }: StaffClinic): LiveQueue {
  const live = useMemo(() => new LiveQueue(namespace, name), [namespace, name]);
  useEffect(() => () => live.close(), [live]);
  return live;
}

/** The patients of a call; it may go on for others when the one it began with has gone. */
function useCompany(queue: Queue | null, visit: string): readonly QueueEntry[] {
  const consultation = useSignal("");
  const found = together(queue, visit);
  const known = found[0]?.consultation ?? "";
  useEffect(() => {
    if (known !== "") consultation.value = known;
  }, [known, consultation]);
  if (known !== "" || consultation.value === "") return found;
  return queue?.visits.filter((one) => one.consultation === consultation.value) ?? [];
}

interface AdderProps {
  readonly waiting: readonly QueueEntry[];
  /** Whether the clinic wants to be told first that this is the right patient. */
  readonly confirms: boolean;
  readonly add: (entry: QueueEntry) => void;
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** A patient who waits, brought into this call. */
function Adder({ waiting, confirms, add }: AdderProps) {
  const chosen = useSignal("");
  const asking = useSignal("");
  if (waiting.length === 0) return null;
  const entry = waiting.find((one) => one.visit === chosen.value) ?? waiting[0];
  return (
    <form
      class="row"
      data-testid="adder"
      onSubmit={(event) => {
        event.preventDefault();
        if (entry === undefined) return;
        if (confirms) asking.value = entry.visit;
        else add(entry);
      }}
    >
      <label>
        {t("add-patient")}{" "}
        <select
          value={entry?.visit}
          onChange={(event) => {
            chosen.value = event.currentTarget.value;
          }}
        >
          {waiting.map((one) => (
            <option key={one.visit} value={one.visit}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="quiet" data-testid="add">
        {t("action-add")}
      </button>
      {entry !== undefined && asking.value === entry.visit && (
        <Confirmation
          entry={entry}
          labels={NO_LABELS}
          confirm={() => {
            asking.value = "";
            add(entry);
          }}
          cancel={() => {
            asking.value = "";
          }}
        />
      )}
    </form>
  );
}

interface RoomProps {
  readonly clinic: StaffClinic;
  readonly room: Room;
}

export function RoomPage({ clinic, room }: RoomProps) {
  const { namespace, name } = clinic;
  const home = dashboardPath(namespace, name);
  const live = useLive(clinic);
  const { notice, act } = useAct(home);
  const queue = live.queue.value;
  const patients = queue?.visits.filter((one) => one.room === room.uid) ?? [];
  return (
    <CallPage
      path={`/ws/call/room/${namespace}/${name}/${room.kind}/${room.name}`}
      title={room.display_name}
      home={home}
      rights={STAFF_RIGHTS}
      above={
        <div class="call-steps" data-testid="call-steps">
          {notice !== "" && <p role="alert">{notice}</p>}
          {patients.map((entry) => (
            <div
              key={entry.visit}
              class="call-patient"
              data-testid="call-patient"
              data-visit={entry.visit}
            >
              <bdi>{entry.name}</bdi>
              <Steps clinic={clinic} entry={entry} act={act} without={IN_SHARED_CALL} />
            </div>
          ))}
          <Guests
            clinic={clinic}
            guests={queue?.guests ?? []}
            place={room.kind}
            name={room.name}
            placeId={room.uid}
            mine={room.mine}
          />
        </div>
      }
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
  const outcome = useSignal<Outcome | null>(null);
  useEffect(() => {
    pageTitle.value = call.title;
    return () => media.stop();
  }, [media, call.title]);

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
  return <LazyCall {...call} media={media} over={over} />;
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
