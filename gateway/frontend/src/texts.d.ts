declare module "*.ftl?everybody" {
  const text: string;
  export default text;
}

declare module "*.ftl?waiting" {
  const text: string;
  export default text;
}

declare module "*.ftl?checks" {
  const text: string;
  export default text;
}

declare module "*.ftl?call" {
  const text: string;
  export default text;
}

declare module "*.ftl?guest" {
  const text: string;
  export default text;
}

declare module "*.ftl?staff" {
  const text: string;
  export default text;
}
