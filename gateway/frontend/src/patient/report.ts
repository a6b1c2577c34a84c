/** What a page found out about its device, in words of a closed list (docs/wire.md). Pure. */

import type { DeviceState } from "../shared/media";

export type DeviceKind = "phone" | "tablet" | "computer" | "unknown";
export type BrowserName =
  | "chrome"
  | "edge"
  | "firefox"
  | "safari"
  | "samsung"
  | "opera"
  | "other"
  | "unknown";
export type Calls = "ready" | "no_udp" | "no_codec" | "unsupported" | "unknown";
export type Network = "good" | "fair" | "slow" | "unknown";

export interface Report {
  readonly device: DeviceKind;
  readonly browser: BrowserName;
  readonly camera: string;
  readonly microphone: string;
  readonly calls: Calls;
  readonly network: Network;
}

/** The more special name first: each of these also says to be the one after it. */
const BROWSERS: readonly (readonly [RegExp, BrowserName])[] = [
  [/\bEdgi?A?\//, "edge"],
  [/\bEdgiOS\//, "edge"],
  [/\bOPR\/|\bOPT\//, "opera"],
  [/\bSamsungBrowser\//, "samsung"],
  [/\bFirefox\/|\bFxiOS\//, "firefox"],
  [/Chrome\/|\bCriOS\/|\bChromium\//, "chrome"],
  [/\bVersion\/.*\bSafari\//, "safari"],
];

export function browserOf(agent: string): BrowserName {
  if (agent === "") return "unknown";
  return BROWSERS.find(([pattern]) => pattern.test(agent))?.[1] ?? "other";
}

/** An iPad says to be a Mac, but for its fingers. */
export function deviceOf(agent: string, touchPoints: number): DeviceKind {
  if (agent === "") return "unknown";
  if (/\biPad\b|\bTablet\b/.test(agent)) return "tablet";
  if (/\bMacintosh\b/.test(agent) && touchPoints > 1) return "tablet";
  if (/\bAndroid\b/.test(agent)) return /\bMobile\b/.test(agent) ? "phone" : "tablet";
  return /\biPhone\b|\bMobile\b/.test(agent) ? "phone" : "computer";
}

/** Beyond these a person notices, and beyond these a talk is hard; as a dashboard grades a call. */
const NOTICED_MS = 300;
const HARD_MS = 800;

/** By the middle one of some round trips: a single slow one is no slow network. */
export function networkOf(roundTripsMs: readonly number[]): Network {
  const sorted = [...roundTripsMs].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) return "unknown";
  if (middle > HARD_MS) return "slow";
  return middle > NOTICED_MS ? "fair" : "good";
}

/** What this browser says to be able to, as far as it can be asked. */
export interface Abilities {
  readonly hasPeerConnection: boolean;
  /** MIME types of what it can send; null when it does not tell. */
  readonly codecs: readonly string[] | null;
  /** Transports of the addresses that it offers; null when that took too long. */
  readonly transports: readonly string[] | null;
}

export function callsOf({ hasPeerConnection, codecs, transports }: Abilities): Calls {
  if (!hasPeerConnection) return "unsupported";
  if (codecs !== null && !canSend(codecs)) return "no_codec";
  if (transports === null) return "unknown";
  return transports.includes("udp") ? "ready" : "no_udp";
}

function canSend(codecs: readonly string[]): boolean {
  const known = new Set(codecs.map((codec) => codec.toLowerCase()));
  return known.has("audio/opus") && (known.has("video/vp8") || known.has("video/h264"));
}

/** A microphone that is on and hears nothing is worth a word. */
export function microphoneOf(state: DeviceState, heard: boolean, listenedMs: number): string {
  if (state === "idle") return "unknown";
  return state === "on" && !heard && listenedMs >= SILENT_AFTER_MS ? "silent" : state;
}

export const SILENT_AFTER_MS = 10_000;

export function cameraOf(state: DeviceState): string {
  return state === "idle" ? "unknown" : state;
}

export function isSame(one: Report | null, other: Report): boolean {
  return one !== null && JSON.stringify(one) === JSON.stringify(other);
}
