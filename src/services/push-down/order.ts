import { createHash } from "node:crypto";
import { GatewayError } from "../../domain/errors.ts";

/** The parts of a site folder that the hub may change, each where gateway.yaml accepts it. */
export const folderParts = ["mappings", "files", "gateway"] as const;
export type FolderPart = (typeof folderParts)[number];

/** One file of an order; its bytes lie at the hub under its hash. */
export interface PushedFile {
  /** Relative to the site folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What is to become of a gateway's folder: taken whole or not at all. */
export interface PushOrder {
  /** Not given twice: what was dealt with is known by it. */
  readonly id: string;
  /** An order gives way to a later one of its name: `mappings`, or the path of a single file. */
  readonly name: string;
  readonly action: "put" | "roll back";
  /** Parts of the folder in which nothing stays but what is in `files`. */
  readonly replaces: readonly FolderPart[];
  readonly files: readonly PushedFile[];
  /** SHA-256 over what is put: `versionOf`. */
  readonly version: string;
  /** Who put it: a claim, as the hub does not say who published. */
  readonly by: string;
  /** In ms since the Unix epoch. */
  readonly at: number;
}

/** The JSON on `push.<gateway>.wanted`: every order that is in force, the earliest first. */
export interface Wanted {
  readonly format: 1;
  readonly orders: readonly PushOrder[];
}

/** The bytes of a file stand in pieces of this size on `push.<gateway>.blob.<sha256>.<n>`, n from 0. */
export const pieceBytes = 131_072;
export const mostFiles = 2_000;
export const mostOrders = 64;
const longestText = 200;
const hash = /^[0-9a-f]{64}$/;

export const wantedSubject = (gateway: string): string => `push.${gateway}.wanted`;
export const resultSubject = (gateway: string): string => `push.${gateway}.result`;
export const pieceSubject = (gateway: string, sha256: string, index: number): string =>
  `push.${gateway}.blob.${sha256}.${index}`;

/** What is put, as one hash: the same files give the same version wherever it is made. */
export function versionOf({
  action,
  replaces,
  files,
}: Pick<PushOrder, "action" | "replaces" | "files">): string {
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const text = JSON.stringify([
    action,
    replaces.toSorted(),
    sorted.map(({ path, bytes, sha256 }) => [path, bytes, sha256]),
  ]);
  return createHash("sha256").update(text).digest("hex");
}

/** What the hub holds for a gateway. Throws PROTOCOL_VIOLATION where it is none of that: it is another program's. */
export function parseWanted(payload: Uint8Array): Wanted {
  const given = parseJson(payload);
  if (!isMap(given) || given["format"] !== 1 || !Array.isArray(given["orders"]))
    refuse("has not the form of format 1");
  const orders = given["orders"];
  if (orders.length > mostOrders) refuse(`has more than ${mostOrders} orders`);
  return { format: 1, orders: orders.map(orderOf) };
}

function orderOf(given: unknown): PushOrder {
  if (!isMap(given)) refuse("holds what is no order");
  const { action, replaces, files, at } = given;
  if (action !== "put" && action !== "roll back") refuse("holds an order of an unknown kind");
  if (!Array.isArray(replaces) || !replaces.every(isPart)) refuse("names an unknown part of the folder");
  if (!Array.isArray(files) || files.length > mostFiles) refuse(`has no list of at most ${mostFiles} files`);
  if (typeof at !== "number" || !Number.isFinite(at)) refuse("does not say when it was put");
  const order = {
    id: textOf(given["id"], "id"),
    name: textOf(given["name"], "name"),
    action,
    replaces,
    files: files.map(fileOf),
    version: textOf(given["version"], "version"),
    by: textOf(given["by"], "by"),
    at,
  } as const;
  if (new Set(order.files.map(({ path }) => path)).size < order.files.length) refuse("names a file twice");
  if (order.version !== versionOf(order)) refuse("has a version that is not the hash of its files");
  return order;
}

function fileOf(given: unknown): PushedFile {
  if (!isMap(given)) refuse("holds what is no file");
  const { bytes, sha256 } = given;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0)
    refuse("has a file without a size");
  if (typeof sha256 !== "string" || !hash.test(sha256)) refuse("has a file without a hash");
  return { path: textOf(given["path"], "path"), bytes, sha256 };
}

function textOf(given: unknown, key: string): string {
  if (typeof given !== "string" || given === "" || given.length > longestText)
    refuse(`has no ${key} of 1 to ${longestText} characters`);
  return given;
}

function isPart(given: unknown): given is FolderPart {
  return (folderParts as readonly unknown[]).includes(given);
}

function isMap(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (cause) {
    return refuse("is no JSON", cause);
  }
}

function refuse(message: string, cause?: unknown): never {
  throw new GatewayError("PROTOCOL_VIOLATION", `What the hub has for this gateway ${message}.`, { cause });
}
