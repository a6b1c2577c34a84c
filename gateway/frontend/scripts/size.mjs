// How many bytes a browser loads for each page before anything is clicked; fails above the limit.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const root = process.argv[2] ?? "../teleward_gateway/static";
const LIMITS_BYTES = {
  "guest.html": 28 * 1024,
  "patient.html": 28 * 1024,
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

/** The largest language of a page: it loads one. */
function languageBytes(scripts) {
  const code = scripts.map((script) => readFileSync(join(root, script), "utf8")).join("\n");
  const files = [...code.matchAll(/import\(\s*[`"]\.\/([a-z]{2,3}-[^`"/]+\.js)/g)].map(
    (m) => m[1],
  );
  if (files.length === 0) throw new Error("no language found");
  return Math.max(...files.map((name) => brotli(join("assets", name))));
}

let tooLarge = false;
for (const [page, limit] of Object.entries(LIMITS_BYTES)) {
  const scripts = scriptsOf(page);
  const bytes = scripts.reduce((sum, script) => sum + brotli(script), languageBytes(scripts));
  tooLarge ||= bytes > limit;
  console.log(
    `${page}: ${(bytes / 1024).toFixed(1)} KB of script with one language (limit ${limit / 1024} KB, brotli)`,
  );
}
process.exit(tooLarge ? 1 : 0);
