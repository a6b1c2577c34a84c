/** One clinic at a glance: who waits, for how long, and which rooms are in use. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { blocked } from "../shared/blocked";
import { request } from "../shared/http";
import { locale, t } from "../shared/i18n";
import { lazy } from "../shared/lazy";
import { announce, Notice, Page } from "../shared/ui";
import { USUAL } from "./queue";
import { LiveQueue } from "./queue-socket";
import { QueueTable } from "./queue-table";
import { refusal } from "./refusal";
import { ConsultationGuests, RoomList } from "./room-list";
import { go } from "./router";
import { dashboardPath } from "./routes";
import { type Action, roomOf, takesPatients } from "./steps";
import { pageTitle, waitingHere } from "./title";
import type { QueueEntry, StaffClinic } from "./types";
import { Writer, type Written } from "./writing";

/** After these one is in the call. */
const ENTERS: ReadonlySet<Action> = new Set(["join", "call-in", "resume"]);

/** What few look at is fetched when the queue is there. */
const ClinicLink = lazy(async () => (await import("./clinic-link")).ClinicLink);

const MINUTE_CHECK_MS = 5000;

interface Questions {
  readonly entry_fields: readonly { readonly name: string; readonly label: string }[];
}

export function Dashboard({ clinic }: { readonly clinic: StaffClinic }) {
  const { namespace, name } = clinic;
  const live = useMemo(() => new LiveQueue(namespace, name), [namespace, name]);
  useEffect(() => () => live.close(), [live]);
  const now = useNow();
  const labels = useLabels(namespace, name);
  const notice = useSignal("");
  const queue = live.queue.value;
  const waiting = queue?.visits.filter((entry) => entry.state === "waiting").length ?? 0;
  useEffect(() => {
    pageTitle.value = clinic.display_name;
    waitingHere.value = waiting;
    return () => {
      waitingHere.value = 0;
    };
  }, [waiting, clinic.display_name]);

  const writing = useSignal(false);
  const tellAll = async (written: Written) => {
    writing.value = false;
    notice.value = "";
    try {
      const path = `/api${dashboardPath(namespace, name)}/messages`;
      const { told } = await request<{ told: number }>("POST", path, written);
      announce(t("told-all", { count: told }));
    } catch (error) {
      notice.value = refusal(error);
    }
  };
  const act = async (action: Action, entry: QueueEntry, body: object = {}) => {
    notice.value = "";
    try {
      const next = await carryOut(clinic, action, entry, body);
      if (next !== null) go(next);
    } catch (error) {
      notice.value = refusal(error, entry);
    }
  };

  return (
    <Page title={<bdi>{clinic.display_name}</bdi>} testid="dashboard" wide>
      {clinic.suspended !== null && (
        <Notice tone="attention" testid="suspended">
          <p dir="auto">{clinic.suspended || t("suspended-staff")}</p>
        </Notice>
      )}
      <div role="status" aria-live="polite">
        {!live.connected.value && <p class="hint">{t("queue-connecting")}</p>}
      </div>
      {blocked.value && (
        <Notice tone="attention" testid="sockets-blocked">
          <p>{t("queue-blocked")}</p>
        </Notice>
      )}
      {notice.value !== "" && (
        <Notice tone="attention" testid="dashboard-notice">
          <p role="alert">{notice.value}</p>
        </Notice>
      )}
      {live.vanished.value.map((entry) => (
        <Notice key={entry.visit} testid="vanished">
          <p>
            {t("queue-vanished", { name: entry.name })}{" "}
            <button type="button" class="quiet" onClick={() => live.forget(entry.visit)}>
              {t("done")}
            </button>
          </p>
        </Notice>
      ))}
      <section aria-labelledby="queue-heading">
        <h2 id="queue-heading">{t("queue-title", { count: waiting })}</h2>
        {waiting > 0 && clinic.may.includes("message_all") && (
          <p>
            <button
              type="button"
              class="quiet"
              data-testid="message-all"
              aria-expanded={writing.value}
              onClick={() => {
                writing.value = !writing.value;
              }}
            >
              {t("message-all")}
            </button>
          </p>
        )}
        {writing.value && (
          <Writer
            clinic={clinic}
            label={t("write-message")}
            send={(written) => void tellAll(written)}
            cancel={() => {
              writing.value = false;
            }}
          />
        )}
        <QueueTable
          clinic={clinic}
          visits={queue?.visits ?? []}
          order={queue?.order ?? "Arrival"}
          longAfter={queue?.longAfter ?? USUAL}
          now={now + (queue?.behindMs ?? 0)}
          labels={labels}
          act={act}
        />
      </section>
      <ClinicLink clinic={clinic} />
      <ConsultationGuests clinic={clinic} queue={queue} />
      <RoomList clinic={clinic} queue={queue} />
    </Page>
  );
}

/** Do something with a visit; says which page is next, if another one is. */
async function carryOut(
  clinic: StaffClinic,
  action: Action,
  entry: QueueEntry,
  body: object,
): Promise<string | null> {
  const home = dashboardPath(clinic.namespace, clinic.name);
  const page = `${home}/visits/${entry.visit}`;
  const mine = clinic.rooms.find(takesPatients);
  if (action === "to-my-room" && mine !== undefined) {
    await request("POST", `/api${page}/call-in`, { ...body, room: mine.name });
    return `${home}/user/${mine.name}`;
  }
  if (action !== "join") await request("POST", `/api${page}/${action}`, body);
  if (!ENTERS.has(action)) return null;
  const room = roomOf(clinic, entry);
  return room === undefined ? page : `${home}/user/${room.name}`;
}

/** What the clinic asks, in the reader's language, for the answers in the queue. */
function useLabels(namespace: string, clinic: string): ReadonlyMap<string, string> {
  const labels = useSignal<ReadonlyMap<string, string>>(new Map());
  useEffect(() => {
    void request<Questions>("GET", `/api/clinics/${namespace}/${clinic}?locale=${locale()}`)
      .then((door) => {
        labels.value = new Map(door.entry_fields.map((field) => [field.name, field.label]));
      })
      .catch(() => null);
  }, [namespace, clinic, labels]);
  return labels.value;
}

/** The time of day, often enough for minutes to be right. */
function useNow(): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, MINUTE_CHECK_MS);
    return () => clearInterval(timer);
  }, [now]);
  return now.value;
}
