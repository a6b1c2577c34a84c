/** What staff can do with a visit, as buttons; some ask for more before it is done. */

import { useSignal } from "@preact/signals";
import { t } from "../shared/i18n";
import { isMine as isOwn } from "./account";
import { Confirmation } from "./confirmation";
import type { QueueEntry, Room, StaffClinic } from "./types";
import { Chooser, Writer } from "./writing";

export type Step =
  | "call-in"
  | "to-my-room"
  | "join"
  | "hold"
  | "resume"
  | "hand-over"
  | "transfer"
  | "message"
  | "return"
  | "refuse"
  | "end";

/** A step, or what has a place of its own. */
export type Action = Step | "add" | "priority";

export type Act = (action: Action, entry: QueueEntry, body?: object) => Promise<void>;

/** In each state the first is what one mostly wants. */
const STEPS: Readonly<Record<QueueEntry["state"], readonly Step[]>> = {
  waiting: ["call-in", "to-my-room", "message", "transfer", "refuse"],
  called: ["join", "hand-over", "transfer", "return"],
  in_consultation: ["join", "hold", "hand-over", "transfer", "return", "end"],
  on_hold: ["resume", "join", "message", "hand-over", "transfer", "return", "end"],
};

/** What each step is called in what a person may do. */
const NEEDS: Readonly<Record<Step, string>> = {
  "call-in": "call_in",
  "to-my-room": "call_in",
  join: "join_visit",
  hold: "hold",
  resume: "resume",
  "hand-over": "hand_over",
  transfer: "transfer",
  message: "message",
  return: "return",
  refuse: "refuse",
  end: "end_visit",
};

const ASKING: ReadonlySet<Step> = new Set(["refuse", "message", "hand-over", "transfer"]);

/** Steps before which a clinic may want to be told that this is the right patient. */
const CALLS_IN: ReadonlySet<Step> = new Set(["call-in", "to-my-room"]);

interface StepsProps {
  readonly clinic: StaffClinic;
  readonly entry: QueueEntry;
  readonly act: Act;
  /** Steps that are offered elsewhere already. */
  readonly without?: ReadonlySet<Step>;
  /** The clinic's questions: name → label in the reader's language. */
  readonly labels?: ReadonlyMap<string, string>;
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

export function Steps({ clinic, entry, act, without, labels = NO_LABELS }: StepsProps) {
  const asking = useSignal<Step | null>(null);
  const offered = STEPS[entry.state].filter(
    (step) => isMine(step, clinic, entry) && !without?.has(step),
  );
  const asked = offered.find((step) => step === asking.value);
  const asks = (step: Step) => ASKING.has(step) || (CALLS_IN.has(step) && clinic.confirm_identity);
  const close = () => {
    asking.value = null;
  };
  const done = (step: Step, body: object) => {
    close();
    void act(step, entry, body);
  };
  return (
    <>
      <div class="row">
        {offered.map((step, number) => (
          <button
            key={step}
            type="button"
            class={number > 0 ? "quiet" : undefined}
            data-testid={step}
            aria-label={t(`action-${step}-named`, { name: entry.name })}
            aria-expanded={asks(step) ? step === asked : undefined}
            onClick={() => {
              if (!asks(step)) void act(step, entry);
              else asking.value = step === asked ? null : step;
            }}
          >
            {t(`action-${step}`)}
          </button>
        ))}
      </div>
      {asked !== undefined && CALLS_IN.has(asked) && (
        <Confirmation
          entry={entry}
          labels={labels}
          confirm={() => done(asked, { confirmed: true })}
          cancel={close}
        />
      )}
      {(asked === "refuse" || asked === "message") && (
        <Writer
          key={asked}
          clinic={clinic}
          label={t(`write-${asked}`)}
          optional={asked === "refuse"}
          send={(written) => done(asked, written)}
          cancel={close}
        />
      )}
      {asked === "transfer" && (
        <Chooser
          clinic={clinic}
          label={t("choose-clinic")}
          options={({ clinics }) => clinics.map((one) => [one.name, one.display_name])}
          action={t("action-transfer")}
          choose={(to) => done(asked, { to })}
          cancel={close}
        />
      )}
      {asked === "hand-over" && (
        <Chooser
          clinic={clinic}
          label={t("choose-colleague")}
          options={({ colleagues }) =>
            colleagues
              .filter((one) => one.user !== entry.called_by)
              .map((one) => [one.user, one.name])
          }
          action={t("action-hand-over")}
          choose={(to) => done(asked, { to })}
          cancel={close}
        />
      )}
    </>
  );
}

/** Whether patients can be called into this room by who looks at it. */
export function takesPatients(room: Room): boolean {
  return room.kind === "user" && room.mine && room.patients_allowed;
}

/** One's own user room, if the patient was called into it. */
export function roomOf(clinic: StaffClinic, entry: QueueEntry): Room | undefined {
  return clinic.rooms.find((room) => room.mine && room.uid === entry.room);
}

function isMine(step: Step, clinic: StaffClinic, entry: QueueEntry): boolean {
  // Out of a consultation transfers who could also send the patient back.
  if (step === "to-my-room" && !clinic.rooms.some(takesPatients)) return false;
  // A user room is its owner's: nobody else joins there, and nobody is handed what happens there.
  if (entry.room && (step === "hand-over" || (step === "join" && !roomOf(clinic, entry))))
    return false;
  if (step === "transfer" && entry.state !== "waiting" && !clinic.may.includes("return"))
    return false;
  const isOthers = step === "hand-over" && !isOwn(entry.called_by);
  return clinic.may.includes(isOthers ? "hand_over_others" : NEEDS[step]);
}
