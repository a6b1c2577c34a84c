/** A page's test in a few words for staff, what stands in the way of a call marked. Pure. */

import type { BrowserName, Report } from "../patient/report";

export interface Word {
  /** Of a text of the page. */
  readonly id: string;
  readonly args: Readonly<Record<string, string>>;
  readonly isTrouble: boolean;
}

/** Names of products are the same in every language. */
const BROWSERS: Readonly<Record<BrowserName, string>> = {
  chrome: "Chrome",
  edge: "Edge",
  firefox: "Firefox",
  safari: "Safari",
  samsung: "Samsung Internet",
  opera: "Opera",
  other: "",
  unknown: "",
};

/** What needs no word: it works, or is not known yet. */
const QUIET: ReadonlySet<string> = new Set(["on", "ready", "unknown", "asking"]);

export function deviceWords(report: Report): Word[] {
  const words: Word[] = [word(`device-${report.device}`, false)];
  const browser = BROWSERS[report.browser] ?? "";
  if (browser !== "") words.push({ id: "device-browser", args: { browser }, isTrouble: false });
  for (const what of ["camera", "microphone", "calls"] as const) {
    const state = report[what];
    if (!QUIET.has(state)) words.push(word(`device-${what}-${grouped(state)}`, state !== "off"));
  }
  if (report.network !== "unknown")
    words.push(word(`device-network-${report.network}`, report.network === "slow"));
  return words;
}

function word(id: string, isTrouble: boolean): Word {
  return { id, args: {}, isTrouble };
}

/** For staff it makes no difference who blocks a camera. */
function grouped(state: string): string {
  return state === "blocked_by_system" ? "blocked" : state;
}
