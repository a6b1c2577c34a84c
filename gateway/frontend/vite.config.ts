import { defineConfig, type Plugin } from "vite";

/** Sections of a file of texts that are scripts of their own: part → heading. All others are everybody's. */
const HEADINGS: Readonly<Record<string, string>> = {
  waiting: "Waiting",
  checks: "The test before the call",
  call: "The call",
  guest: "A guest with a link",
  staff: "Staff",
};
const PART = /\/([a-z]+)\.ftl\?(everybody|waiting|checks|call|guest|staff)$/;

/** What is below these headings is loaded with what needs it, so that a patient's first page stays small. */
function texts(): Plugin {
  return {
    name: "texts",
    enforce: "pre",
    async load(id) {
      const [, , part] = PART.exec(id) ?? [];
      if (part === undefined) return null;
      const file = id.slice(0, id.indexOf("?"));
      this.addWatchFile(file);
      const [head = "", ...sections] = (await this.fs.readFile(file, { encoding: "utf8" })).split(
        /^## /m,
      );
      const own = new Set(Object.values(HEADINGS));
      const kept = sections.filter((section) => {
        const heading = section.slice(0, section.indexOf("\n")).trim();
        return part === "everybody" ? !own.has(heading) : heading === HEADINGS[part];
      });
      const text = (part === "everybody" ? [head, ...kept] : kept).join("## ");
      return `export default ${JSON.stringify(text.replace(/^#.*\n|^[A-Z].*\n/gm, ""))};`;
    },
  };
}

export default defineConfig({
  plugins: [texts()],
  build: {
    outDir: "../teleward_gateway/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { guest: "guest.html", patient: "patient.html", staff: "staff.html" },
      output: {
        chunkFileNames: ({ facadeModuleId }) => {
          const [, locale, part] = PART.exec(facadeModuleId ?? "") ?? [];
          return part === undefined
            ? "assets/[name]-[hash].js"
            : `assets/texts-${part}-${locale}-[hash].js`;
        },
      },
    },
  },
});
