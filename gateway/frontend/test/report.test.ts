/** What a page finds out about its device is told in words of a closed list, and staff read the trouble in it. */

import { expect, test } from "vitest";
import { destination } from "../src/patient/destination";
import {
  type Abilities,
  browserOf,
  callsOf,
  cameraOf,
  deviceOf,
  isSame,
  microphoneOf,
  networkOf,
  type Report,
  SILENT_AFTER_MS,
} from "../src/patient/report";
import { deviceWords } from "../src/staff/device-words";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const MAC =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";

test.each([
  [CHROME, "chrome"],
  [`${CHROME} Edg/156.0.0.0`, "edge"],
  [`${CHROME} OPR/110.0`, "opera"],
  [`${CHROME} SamsungBrowser/25.0`, "samsung"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "firefox"],
  [CHROME.replace("Chrome", "HeadlessChrome"), "chrome"],
  [IPHONE, "safari"],
  [IPHONE.replace("Version/18.0", "CriOS/156.0"), "chrome"],
  [IPHONE.replace("Version/18.0", "FxiOS/153.0"), "firefox"],
  ["curl/8", "other"],
  ["", "unknown"],
])("a browser is named: %s", (agent, name) => {
  expect(browserOf(agent)).toBe(name);
});

test.each([
  [CHROME, 0, "computer"],
  [IPHONE, 5, "phone"],
  [MAC, 0, "computer"],
  [MAC, 5, "tablet"],
  ["Mozilla/5.0 (Linux; Android 15) Chrome/156 Mobile Safari/537.36", 5, "phone"],
  ["Mozilla/5.0 (Linux; Android 15) Chrome/156 Safari/537.36", 5, "tablet"],
  ["", 0, "unknown"],
])("a device is named: %s with %i fingers", (agent, fingers, name) => {
  expect(deviceOf(agent, fingers)).toBe(name);
});

test.each([
  [[], "unknown"],
  [[20, 30, 5000], "good"],
  [[301, 310, 320], "fair"],
  [[2000, 900, 20], "slow"],
])("a network is graded by its middle round trip: %j", (trips, grade) => {
  expect(networkOf(trips)).toBe(grade);
});

const ABLE: Abilities = {
  hasPeerConnection: true,
  codecs: ["audio/opus", "video/VP8", "video/rtx"],
  transports: ["udp"],
};

test.each([
  ["all there", {}, "ready"],
  ["H.264 alone", { codecs: ["audio/opus", "video/H264"] }, "ready"],
  ["does not tell its codecs", { codecs: null }, "ready"],
  ["no connections", { hasPeerConnection: false }, "unsupported"],
  ["no voice", { codecs: ["video/VP8"] }, "no_codec"],
  ["no picture", { codecs: ["audio/opus", "video/AV1"] }, "no_codec"],
  ["no UDP", { transports: ["tcp"] }, "no_udp"],
  ["no address at all", { transports: [] }, "no_udp"],
  ["took too long", { transports: null }, "unknown"],
])("whether a call can be led: %s", (_, changes, word) => {
  expect(callsOf({ ...ABLE, ...changes })).toBe(word);
});

test("a microphone that is on and hears nothing for long is silent", () => {
  expect(microphoneOf("on", false, SILENT_AFTER_MS - 1)).toBe("on");
  expect(microphoneOf("on", false, SILENT_AFTER_MS)).toBe("silent");
  expect(microphoneOf("on", true, SILENT_AFTER_MS)).toBe("on");
  expect(microphoneOf("blocked", false, SILENT_AFTER_MS)).toBe("blocked");
  expect([microphoneOf("idle", false, 0), cameraOf("idle"), cameraOf("in_use")]).toEqual([
    "unknown",
    "unknown",
    "in_use",
  ]);
});

const REPORT: Report = {
  device: "phone",
  browser: "firefox",
  camera: "on",
  microphone: "on",
  calls: "ready",
  network: "good",
};

test("what was told is not told again", () => {
  expect(isSame(null, REPORT)).toBe(false);
  expect(isSame({ ...REPORT }, REPORT)).toBe(true);
  expect(isSame({ ...REPORT, camera: "off" }, REPORT)).toBe(false);
});

function words(changes: Partial<Report>): string[] {
  return deviceWords({ ...REPORT, ...changes }).map(
    ({ id, isTrouble }) => (isTrouble ? "! " : "") + id,
  );
}

test("staff read what works in few words, and the trouble marked", () => {
  expect(words({})).toEqual(["device-phone", "device-browser", "device-network-good"]);
  expect(words({ camera: "blocked_by_system", microphone: "silent", network: "slow" })).toEqual([
    "device-phone",
    "device-browser",
    "! device-camera-blocked",
    "! device-microphone-silent",
    "! device-network-slow",
  ]);
  expect(words({ browser: "other", camera: "off", calls: "no_udp", network: "unknown" })).toEqual([
    "device-phone",
    "device-camera-off",
    "! device-calls-no_udp",
  ]);
});

test("the clinic's last link shows where it really leads", () => {
  expect(destination("https://survey.example.org/?q=1")).toEqual({
    href: "https://survey.example.org/?q=1",
    host: "survey.example.org",
  });
  expect(destination("https://xn--e1awd7f.com/")?.host).toBe("xn--e1awd7f.com");
  expect(destination("https://еpic.com/")?.host).toMatch(/^xn--/);
});

test.each(["http://x.org", "javascript:alert(1)", "https://bank.org@evil.org/", "//x.org", "x"])(
  "a last link that is no plain web address is not offered: %s",
  (link) => {
    expect(destination(link)).toBeNull();
  },
);
