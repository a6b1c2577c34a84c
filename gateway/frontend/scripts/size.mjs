// How many bytes a browser loads for each page before anything is clicked; fails above the limit.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const root = process.argv[2] ?? "../teleward_gateway/static";
const LIMITS_BYTES = {
  "guest.html": 25 * 1024,
  "patient.html": 25 * 1024,
  "staff.html": 32 * 1024,
};

const brotli = (path) => brotliCompressSync(readFileSync(join(root, path))).length;

/** The scripts that a page loads at once: those in the HTML and their static imports. */
function scriptsOf(page) {
  const html = readFileSync(join(root, page), "utf8");
  const found = new Set();
  const queue = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map((m) => m[1]);
  while (queue.length > 0) {
    const script = queue.pop();
    if (found.has(script)) continue;
    found.add(script);
    const code = readFileSync(join(root, script), "utf8");
    for (const m of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
      queue.push(`assets/${m[1]}`);
  }
  return [...found];
}

/** The largest texts of a language: every page loads those for everybody, staff their own beside. */
function languageBytes(page) {
  const own = { "staff.html": ["staff"], "guest.html": ["guest"] };
  const parts = ["everybody", ...(own[page] ?? [])];
  const all = readdirSync(join(root, "assets"));
  return parts
    .map((part) => all.filter((name) => name.startsWith(`texts-${part}-`)))
    .reduce((sum, files) => sum + largest(files), 0);
}

function largest(files) {
  if (files.length === 0) throw new Error("the texts are not where they should be");
  return Math.max(...files.map((name) => brotli(join("assets", name))));
}

let tooLarge = false;
for (const [page, limit] of Object.entries(LIMITS_BYTES)) {
  const bytes = scriptsOf(page).reduce((sum, script) => sum + brotli(script), languageBytes(page));
  tooLarge ||= bytes > limit;
  console.log(
    `${page}: ${(bytes / 1024).toFixed(1)} KB of script with one language (limit ${limit / 1024} KB, brotli)`,
  );
}
process.exit(tooLarge ? 1 : 0);
