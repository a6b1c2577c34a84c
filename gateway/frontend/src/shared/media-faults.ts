/** Why a camera or a microphone does not work, in words a page can answer. */

export type Kind = "microphone" | "camera";

export type Fault =
  /** The person or the browser said no. */
  | "blocked"
  /** The operating system keeps the browser away from it. */
  | "blocked_by_system"
  /** Another program uses it. */
  | "in_use"
  /** There is none. */
  | "absent"
  /** This browser cannot do it at all (a browser inside another app, or no HTTPS). */
  | "unsupported";

/** Name the fault behind a rejected `getUserMedia`. */
export function faultOf(name: string, message: string): Fault {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      return /system/i.test(message) ? "blocked_by_system" : "blocked";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "in_use";
    case "TypeError":
      return "unsupported";
    default:
      return "absent";
  }
}
