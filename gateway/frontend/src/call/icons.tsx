/** The call's few signs, drawn here so that nothing has to be fetched. */

const PATHS = {
  microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11a6 6 0 0 0 12 0M12 17v4",
  "microphone-off":
    "M9 9v2a3 3 0 0 0 5 2M15 9V6a3 3 0 0 0-6-.5M6 11a6 6 0 0 0 9 5M18 11a6 6 0 0 1-.4 2M12 17v4M4 3l16 18",
  camera:
    "M4 7h10a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2ZM16 11l5-3v8l-5-3",
  "camera-off":
    "M9 7h5a2 2 0 0 1 2 2v4l5 3V8l-5 3M15 17H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2M4 3l16 18",
  settings: "M4 7h8M18 7h2M4 17h2M12 17h8M15 4v6M9 14v6",
  leave: "M14 4H6a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M11 12h10M17 8l4 4-4 4",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3M12 15v2",
  unlock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 7.5-2M12 15v2",
  chat: "M4 5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM8 9h8M8 12h5",
  screen: "M3 5h18v11H3zM8 20h8M12 16v4M12 13V8M9.5 10.5L12 8l2.5 2.5",
  end: "M3 14c5-5 13-5 18 0l-2 3-4-2v-2a11 11 0 0 0-6 0v2l-4 2z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      class={name === "leave" ? "icon icon-directed" : "icon"}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
