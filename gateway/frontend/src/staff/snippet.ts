/** A button for the clinic's website: plain HTML that loads nothing and runs nothing. Pure. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => ESCAPES[letter] ?? letter);
}

/** Our own texts keep inserted names apart by these; a foreign page need not show them. */
const ISOLATES = /[\u2066-\u2069]/g;

const STYLE =
  "display:inline-block;padding:0.75em 1.25em;border-radius:0.5em;background:#0b5394;color:#fff;" +
  "font:600 1rem/1.2 system-ui,sans-serif;text-decoration:none";

export function snippet(url: string, label: string): string {
  return `<a href="${escaped(url)}" style="${STYLE}">${escaped(label.replace(ISOLATES, ""))}</a>`;
}
