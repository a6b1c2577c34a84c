/** The own picture, the two devices and what to do when one does not work. */

import { useSignalEffect } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { t } from "./i18n";
import type { Device, LocalMedia } from "./media";

interface VideoProps {
  readonly track: MediaStreamTrack | null;
  readonly label: string;
  readonly testid: string;
}

/** A picture without sound, as the camera sends it: never mirrored. */
export function Picture({ track, label, testid }: VideoProps) {
  const show = (video: HTMLVideoElement | null) => {
    if (video === null) return;
    const shown = (video.srcObject as MediaStream | null)?.getVideoTracks()[0] ?? null;
    if (shown !== track) video.srcObject = track === null ? null : new MediaStream([track]);
  };
  return <video ref={show} autoplay playsInline muted aria-label={label} data-testid={testid} />;
}

export function SelfView({ media }: { readonly media: LocalMedia }) {
  const { state, track } = media.camera;
  return (
    <div class="self-view">
      {track.value === null ? (
        <p class="self-view-empty">
          {t(state.value === "asking" ? "camera-asking" : "camera-none")}
        </p>
      ) : (
        <Picture track={track.value} label={t("self-view")} testid="self-view" />
      )}
    </div>
  );
}

/** Camera and microphone: choose, see, try again; going on without is always possible. */
export function DevicePanel({ media }: { readonly media: LocalMedia }) {
  return (
    <section class="devices" aria-label={t("devices")} data-testid="devices">
      <SelfView media={media} />
      <DeviceChoice media={media} device={media.camera} />
      <DeviceChoice media={media} device={media.microphone} />
      <Level media={media} />
    </section>
  );
}

interface ChoiceProps {
  readonly media: LocalMedia;
  readonly device: Device;
}

export function DeviceChoice({ media, device }: ChoiceProps) {
  const id = useId();
  const { kind } = device;
  const state = device.state.value;
  if (state === "on") {
    return (
      <div class="field" data-testid={`${kind}-on`}>
        <label for={id}>{t(kind)}</label>
        <select
          id={id}
          value={device.deviceId.value}
          onChange={(event) => void media.choose(kind, event.currentTarget.value)}
        >
          {device.choices.value.map((choice) => (
            <option key={choice.deviceId} value={choice.deviceId}>
              {choice.label || t(kind)}
            </option>
          ))}
        </select>
      </div>
    );
  }
  if (state === "asking") return <p class="hint">{t(`${kind}-asking`)}</p>;
  if (state === "unsupported" && kind === "microphone") return null;
  return (
    <div class="notice notice-attention" data-testid={`${kind}-${state}`}>
      <p>{t(state === "unsupported" ? "devices-unsupported" : `${kind}-${state}`)}</p>
      {state !== "unsupported" && (
        <button type="button" class="quiet" onClick={() => void media.turnOn(kind)}>
          {t(state === "off" || state === "idle" ? `${kind}-turn-on` : "try-again")}
        </button>
      )}
    </div>
  );
}

const LEVEL_EVERY_MS = 100;

/** A bar that moves with the own voice: proof that the microphone works. */
function Level({ media }: { readonly media: LocalMedia }) {
  const bar = useRef<HTMLMeterElement>(null);
  useSignalEffect(() => {
    const track = media.microphone.track.value;
    if (track === null) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (bar.current !== null) bar.current.value = Math.min(1, Math.sqrt(power) * 4);
    }, LEVEL_EVERY_MS);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  });
  if (media.microphone.track.value === null) return null;
  return <meter ref={bar} class="level" min={0} max={1} aria-label={t("microphone-level")} />;
}
