import { defineConfig } from "vite";

export default defineConfig({
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
