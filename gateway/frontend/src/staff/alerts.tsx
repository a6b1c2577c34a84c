/** Arrivals in every clinic of this person, on whichever staff page they are: sound, title, notice, bar. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { chime } from "../shared/chime";
import { request } from "../shared/http";
import { t } from "../shared/i18n";
import { ReconnectingSocket } from "../shared/socket";
import { loadMe } from "./account";
import { clinicKey, type Rung, ring, total } from "./alarm";
import { Link } from "./router";
import { dashboardPath } from "./routes";
import { followTitle, unseen } from "./title";
import type { AlertFrame, Arrived } from "./types";

const CHECK_EVERY_MS = 1000;

const arrived = signal<readonly Arrived[]>([]);
/** Whether this page may make a sound and show notices; browsers want a click for both. */
const ready = signal(isReady());
let rung: Rung = new Map();

function isReady(): boolean {
  return (
    (typeof Notification !== "function" || Notification.permission !== "default") &&
    navigator.userActivation?.hasBeenActive !== false
  );
}

/** Listen as long as a staff page is open. */
export function useAlerts(): void {
  useEffect(() => {
    const stopTitle = followTitle();
    const socket = new ReconnectingSocket<AlertFrame, never>("/ws/alerts", undefined, {
      frame: (frame) => {
        if (frame.type === "arrivals") take(frame.clinics);
      },
      stopped: () => void loadMe(),
    });
    const timer = setInterval(() => take(arrived.value), CHECK_EVERY_MS);
    return () => {
      clearInterval(timer);
      socket.close();
      stopTitle();
      arrived.value = [];
      unseen.value = 0;
    };
  }, []);
}

function take(clinics: readonly Arrived[]): void {
  const next = ring(rung, clinics, Date.now());
  rung = next.rung;
  if (arrived.value !== clinics) arrived.value = clinics;
  unseen.value = total(clinics);
  ready.value = isReady();
  if (next.now.length === 0) return;
  chime();
  for (const one of next.now) notify(one);
}

/** A notice of the desktop, which others may read too: a clinic and a number, and never a patient's name. */
function notify(one: Arrived): void {
  if (typeof Notification !== "function" || Notification.permission !== "granted") return;
  try {
    const notice = new Notification(one.display_name, {
      body: t("alert-arrived", { count: one.visits.length }),
      tag: clinicKey(one),
    });
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
  } catch {
    // Phones show notices by service workers alone; the bar and the sound are there.
  }
}

async function allow(): Promise<void> {
  chime();
  if (typeof Notification === "function") await Notification.requestPermission().catch(() => null);
  ready.value = isReady();
}

async function react(one: Arrived): Promise<void> {
  const path = `/api${dashboardPath(one.namespace, one.clinic)}/visits`;
  for (const visit of one.visits)
    await request("POST", `${path}/${visit}/notice`, {}).catch(() => null);
}

interface BarProps {
  /** A link would lead out of the call. */
  readonly inCall?: boolean;
}

export function AlertBar({ inCall = false }: BarProps) {
  const clinics = arrived.value;
  return (
    <div class="alerts" role="status" aria-live="polite">
      {clinics.map((one) => (
        <p key={clinicKey(one)} class="alert" data-testid="alert" data-clinic={clinicKey(one)}>
          <span>
            <bdi>{one.display_name}</bdi>: {t("alert-arrived", { count: one.visits.length })}
          </span>
          {!inCall && (
            <Link
              to={dashboardPath(one.namespace, one.clinic)}
              class="button quiet"
              testid="alert-look"
            >
              {t("alert-look")}
            </Link>
          )}
          <button type="button" data-testid="alert-seen" onClick={() => void react(one)}>
            {t("alert-seen")}
          </button>
        </p>
      ))}
      {clinics.length > 0 && !ready.value && (
        <p>
          <button
            type="button"
            class="quiet"
            data-testid="alert-allow"
            onClick={() => void allow()}
          >
            {t("alert-allow")}
          </button>
        </p>
      )}
    </div>
  );
}
