import type { FolderPart } from "./order.ts";

/** One level of a path; none that begins with a dot, so that nothing hidden and no `..` is reached. */
const level = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
const forms: readonly (readonly [FolderPart, RegExp])[] = [
  ["gateway", /^gateway\.yaml$/],
  ["mappings", new RegExp(`^((alerts|line)\\.yaml|alerts\\.csv|(devices|profiles)/${level}\\.(yaml|csv))$`)],
  ["files", new RegExp(`^files(/${level})+$`)],
];
const deepest = 8;

/** Folders of a part, where files that are not in an order are looked for that replaces the part. */
export const foldersOf: Readonly<Record<FolderPart, readonly string[]>> = {
  mappings: [".", "devices", "profiles"],
  files: ["files"],
  gateway: ["."],
};

/** What the hub may put, in words. */
export const allowedPaths =
  "devices/*.yaml, devices/*.csv, profiles/*.yaml, profiles/*.csv, alerts.yaml, alerts.csv, line.yaml, gateway.yaml, and below files/";

/** The part of the folder that a path belongs to; undefined for one that nobody but who sits at the gateway may change. */
export function partOf(path: string): FolderPart | undefined {
  if (path.split("/").length > deepest) return undefined;
  return forms.find(([, form]) => form.test(path))?.[0];
}
