import { defineConfig, type Plugin } from "vite";

const FOR_PATIENTS = ".ftl?patient&raw";
/** What comes from here on in a language's file is read by staff alone. */
const STAFF_HEADING = "\n## Staff\n";

const textsOfPatients: Plugin = {
  name: "texts-of-patients",
  transform(code, id) {
    if (!id.endsWith(FOR_PATIENTS)) return undefined;
    const whole = JSON.parse(code.slice(code.indexOf('"'), code.lastIndexOf('"') + 1)) as string;
    const [text, staff] = whole.split(STAFF_HEADING);
    if (staff === undefined) this.error(`${id} has no heading "## Staff"`);
    return `export default ${JSON.stringify(text)}`;
  },
};

export default defineConfig({
  plugins: [textsOfPatients],
  build: {
    outDir: "../teleward_gateway/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { guest: "guest.html", patient: "patient.html", staff: "staff.html" },
    },
  },
});
