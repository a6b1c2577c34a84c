/** A language's texts without those that only staff read (vite.config.ts). */
declare module "*.ftl?patient&raw" {
  const text: string;
  export default text;
}
