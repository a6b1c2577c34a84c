/** The person's own camera and microphone, from the first question to the end of the call. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Fault, faultOf, type Kind } from "./media-faults";

export type DeviceState = "idle" | "asking" | "on" | "off" | Fault;

/** One camera or microphone: its track while it is on, else why there is none. */
export interface Device {
  readonly kind: Kind;
  readonly state: ReadonlySignal<DeviceState>;
  readonly track: ReadonlySignal<MediaStreamTrack | null>;
  readonly deviceId: ReadonlySignal<string>;
  readonly choices: ReadonlySignal<readonly MediaDeviceInfo[]>;
}

interface OwnDevice extends Device {
  readonly state: Signal<DeviceState>;
  readonly track: Signal<MediaStreamTrack | null>;
  readonly deviceId: Signal<string>;
  readonly choices: Signal<readonly MediaDeviceInfo[]>;
}

const INPUT: Readonly<Record<Kind, MediaDeviceKind>> = {
  microphone: "audioinput",
  camera: "videoinput",
};

const AUDIO: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
  facingMode: "user",
};
const SMALL_VIDEO: MediaTrackConstraints = {
  width: { exact: 160 },
  height: { exact: 120 },
  frameRate: { max: 5 },
};

export class LocalMedia {
  readonly microphone: Device;
  readonly camera: Device;
  /** The microphone stays open, but sends silence and says so to the others. */
  readonly muted = signal(false);
  readonly #own: Readonly<Record<Kind, OwnDevice>>;

  constructor(readonly smallVideo: boolean) {
    this.#own = { microphone: device("microphone"), camera: device("camera") };
    this.microphone = this.#own.microphone;
    this.camera = this.#own.camera;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#list());
  }

  /** Ask once for both; when that fails, for each alone, so that one fault does not cost the other. */
  async start(): Promise<void> {
    const both = [this.#own.microphone, this.#own.camera].filter((own) => !isUp(own));
    if (both.length === 0) return;
    for (const own of both) own.state.value = "asking";
    if (both.length === 2 && (await this.#openTogether(both))) return;
    for (const own of both) await this.#open(own);
  }

  /** Turn one device on, or try again after a fault. */
  async turnOn(kind: Kind): Promise<void> {
    if (!isUp(this.#own[kind])) await this.#open(this.#own[kind]);
  }

  /** Turn one device off; its light goes out. */
  turnOff(kind: Kind): void {
    this.#release(this.#own[kind], "off");
  }

  async choose(kind: Kind, deviceId: string): Promise<void> {
    const own = this.#own[kind];
    own.deviceId.value = deviceId;
    // Most phones cannot open a second camera beside the first.
    stop(own.track.value);
    await this.#open(own);
  }

  setMuted(muted: boolean): void {
    this.muted.value = muted;
    const track = this.microphone.track.value;
    if (track !== null) track.enabled = !muted;
  }

  stop(): void {
    for (const own of Object.values(this.#own)) this.#release(own, "idle");
  }

  async #openTogether(owns: readonly OwnDevice[]): Promise<boolean> {
    try {
      const stream = await capture({
        audio: this.#wish("microphone"),
        video: this.#wish("camera"),
      });
      for (const own of owns) {
        const [track] = own.kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks();
        this.#hold(own, track ?? null);
      }
      await this.#list();
      return true;
    } catch (error) {
      const fault = faultOfError(error);
      if (fault !== "blocked" && fault !== "unsupported") return false;
      return await this.#allBlocked(owns, fault);
    }
  }

  /** Do not ask again for what was just refused; do ask for the other one. */
  async #allBlocked(owns: readonly OwnDevice[], fault: Fault): Promise<boolean> {
    const denied = await Promise.all(owns.map((own) => isDenied(own.kind)));
    if (denied.some(Boolean) && !denied.every(Boolean)) return false;
    for (const own of owns) own.state.value = fault;
    return true;
  }

  async #open(own: OwnDevice): Promise<void> {
    own.state.value = "asking";
    try {
      const wish = this.#wish(own.kind);
      const stream = await capture(own.kind === "camera" ? { video: wish } : { audio: wish });
      this.#hold(own, stream.getTracks()[0] ?? null);
      await this.#list();
    } catch (error) {
      if (isOverconstrained(error) && own.deviceId.value !== "") {
        own.deviceId.value = "";
        await this.#open(own);
        return;
      }
      this.#release(own, faultOfError(error));
    }
  }

  #wish(kind: Kind): MediaTrackConstraints {
    const { deviceId } = this.#own[kind];
    const base = kind === "microphone" ? AUDIO : this.smallVideo ? SMALL_VIDEO : VIDEO;
    return deviceId.value === "" ? base : { ...base, deviceId: { exact: deviceId.value } };
  }

  #hold(own: OwnDevice, track: MediaStreamTrack | null): void {
    if (track === null) {
      own.state.value = "absent";
      return;
    }
    if (own.kind === "microphone") track.enabled = !this.muted.value;
    own.deviceId.value = track.getSettings().deviceId ?? own.deviceId.value;
    track.addEventListener("ended", () => {
      if (own.track.value === track) this.#release(own, "absent");
    });
    own.track.value = track;
    own.state.value = "on";
  }

  #release(own: OwnDevice, state: DeviceState): void {
    stop(own.track.value);
    own.track.value = null;
    own.state.value = state;
  }

  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    for (const own of Object.values(this.#own)) {
      own.choices.value = all.filter((d) => d.kind === INPUT[own.kind] && d.deviceId !== "");
    }
  }
}

function device(kind: Kind): OwnDevice {
  return {
    kind,
    state: signal<DeviceState>("idle"),
    track: signal<MediaStreamTrack | null>(null),
    deviceId: signal(""),
    choices: signal<readonly MediaDeviceInfo[]>([]),
  };
}

function isUp(own: Device): boolean {
  return own.state.value === "on" || own.state.value === "asking";
}

function stop(track: MediaStreamTrack | null): void {
  track?.stop();
}

async function capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
  // Undefined in browsers inside other apps and without HTTPS: the TypeError says so.
  return await navigator.mediaDevices.getUserMedia(constraints);
}

function faultOfError(error: unknown): Fault {
  return error instanceof Error ? faultOf(error.name, error.message) : "absent";
}

function isOverconstrained(error: unknown): boolean {
  return error instanceof Error && error.name === "OverconstrainedError";
}

async function isDenied(kind: Kind): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: kind as PermissionName });
    return status.state === "denied";
  } catch {
    return true;
  }
}
