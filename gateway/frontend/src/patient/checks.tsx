/** The test before the call: what works here, in plain words, and in a few for the clinic's staff. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n";
import { abilities } from "./abilities";
import type { Props } from "./props";
import {
  browserOf,
  type Calls,
  callsOf,
  cameraOf,
  deviceOf,
  isSame,
  microphoneOf,
  type Network,
  networkOf,
  type Report,
  SILENT_AFTER_MS,
} from "./report";

const PROBES = 5;
const PROBE_EVERY_MS = 400;
/** A round trip that takes longer is no answer. */
const PROBE_WITHIN_MS = 5000;
const LISTEN_EVERY_MS = 200;
/** Louder than the noise of a quiet room. */
const HEARD_FROM = 0.01;

export function Checks({ visit, media }: Props) {
  const calls = useSignal<Calls>("unknown");
  const network = useSignal<Network>("unknown");
  const round = useSignal(0);
  const { heard, listenedMs } = useHearing(media.microphone.track.value);
  const connected = visit.connected.value;
  useEffect(() => {
    if (!connected) return;
    let over = false;
    const run = async () => {
      network.value = networkOf(await roundTrips(visit, () => over));
      const can = callsOf(await abilities());
      if (!over) calls.value = can;
    };
    void run();
    return () => {
      over = true;
    };
  }, [visit, connected, round.value, calls, network]);

  const report: Report = {
    device: deviceOf(navigator.userAgent, navigator.maxTouchPoints),
    browser: browserOf(navigator.userAgent),
    camera: cameraOf(media.camera.state.value),
    microphone: microphoneOf(media.microphone.state.value, heard, listenedMs),
    calls: calls.value,
    network: network.value,
  };
  const told = useRef<Report | null>(null);
  useEffect(() => {
    if (isSame(told.current, report)) return;
    told.current = report;
    visit.report(report);
  });

  return (
    <section class="checks" aria-labelledby="checks-heading" data-testid="checks">
      <h2 id="checks-heading">{t("checks-title")}</h2>
      <ul>
        <Line what="camera" state={toned(report.camera)} />
        <Line
          what="microphone"
          state={report.microphone === "on" ? "on" : toned(report.microphone)}
        />
        <Line what="calls" state={report.calls} />
        <Line what="network" state={report.network} />
      </ul>
      <p class="hint">{t("checks-not-tested")}</p>
      <button
        type="button"
        class="quiet"
        data-testid="check-again"
        onClick={() => {
          calls.value = "unknown";
          network.value = "unknown";
          round.value += 1;
        }}
      >
        {t("checks-again")}
      </button>
    </section>
  );
}

/** What a person is told more about beside the device itself counts as one thing here. */
function toned(state: string): string {
  if (state === "on" || state === "silent" || state === "unknown") return state;
  return state === "asking" ? "unknown" : "off";
}

const GOOD: ReadonlySet<string> = new Set(["on", "ready", "good"]);

function Line({ what, state }: { readonly what: string; readonly state: string }) {
  const mark = state === "unknown" ? "…" : GOOD.has(state) ? "✓" : "!";
  return (
    <li data-testid={`check-${what}`} data-state={state} class={`check check-${state}`}>
      <span aria-hidden="true">{mark}</span> {t(`check-${what}-${state}`)}
    </li>
  );
}

async function roundTrips(visit: Props["visit"], isOver: () => boolean): Promise<number[]> {
  const found: number[] = [];
  for (let number = 0; number < PROBES && !isOver(); number += 1) {
    const ms = await roundTrip(visit);
    if (ms !== null) found.push(ms);
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
  }
  return found;
}

let probes = 0;

/** Measure one round trip to the gateway, in milliseconds; null when it was not answered in time. */
async function roundTrip(visit: Props["visit"]): Promise<number | null> {
  probes += 1;
  const number = probes;
  const beganMs = performance.now();
  if (!visit.say({ type: "probe", number })) return null;
  return new Promise((resolve) => {
    const stop = visit.probed.subscribe((answered) => {
      if (answered !== number) return;
      resolve(performance.now() - beganMs);
    });
    setTimeout(() => {
      stop();
      resolve(null);
    }, PROBE_WITHIN_MS);
  });
}

/** Whether the microphone has heard anything since it was opened, and for how long it has listened. */
function useHearing(track: MediaStreamTrack | null): { heard: boolean; listenedMs: number } {
  const hearing = useSignal({ heard: false, listenedMs: 0 });
  useEffect(() => {
    hearing.value = { heard: false, listenedMs: 0 };
    if (track === null) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let listenedMs = 0;
    const timer = setInterval(() => {
      // Without a gesture the browser does not let a page listen: that is not the microphone's silence.
      if (context.state !== "running") return;
      analyser.getFloatTimeDomainData(samples);
      listenedMs += LISTEN_EVERY_MS;
      const heard = samples.some((sample) => Math.abs(sample) > HEARD_FROM);
      if (heard || listenedMs === SILENT_AFTER_MS) hearing.value = { heard, listenedMs };
      if (heard) clearInterval(timer);
    }, LISTEN_EVERY_MS);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  }, [track, hearing]);
  return hearing.value;
}
