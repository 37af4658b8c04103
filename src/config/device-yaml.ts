import { Document, isScalar, stringify, visit } from "yaml";
import type { JsonValue } from "../domain/reading.ts";

type Keys = { readonly [key: string]: JsonValue };

export interface NewTag {
  readonly name: string;
  readonly entry: Keys;
  /** Behind it, as a comment. */
  readonly note?: string | undefined;
  /** The whole line is a comment. */
  readonly leftOut?: boolean | undefined;
}

export interface NewDevice {
  readonly device: string;
  readonly adapter: string;
  readonly connection: { readonly [key: string]: unknown };
  readonly tags: readonly NewTag[];
  /** Above everything else, a line each. */
  readonly comment: readonly string[];
}

/** One entry as it stands behind a tag's name: `{ address: "holding:40", type: float32 }`. */
export function flowEntry(entry: Keys): string {
  const document = new Document(entry);
  document.contents = document.createNode(entry, { flow: true });
  // Quotes around whatever has a colon in it, as everywhere in the examples.
  visit(document, {
    Scalar: (key, node) => {
      if (key === "value" && isScalar(node) && String(node.value).includes(":")) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0 }).trimEnd();
}

/** A whole device file, each tag in a line of its own. */
export function deviceYaml({ device, adapter, connection, tags, comment }: NewDevice): string {
  const width = Math.max(0, ...tags.map(({ name }) => keyText(name).length));
  return [
    ...comment.map((line) => `# ${line}`),
    `device: ${device}`,
    `adapter: ${adapter}`,
    `connection: ${flowEntry(connection as Keys)}`,
    "tags:",
    ...tags.map((tag) => tagLine(tag, width)),
    "",
  ].join("\n");
}

function tagLine({ name, entry, note, leftOut = false }: NewTag, width: number): string {
  const begin = leftOut ? "  # " : "  ";
  const line = `${`${keyText(name)}:`.padEnd(width + 1)} ${flowEntry(entry)}`;
  const noted = note === undefined ? line : `${line} # ${note}`;
  // What a text breaks over lines belongs to the comment too.
  return `${begin}${leftOut ? noted.replaceAll("\n", `\n${begin}`) : noted}`;
}

/** A key in quotes where YAML would read something else. */
function keyText(name: string): string {
  return stringify(name, { lineWidth: 0 }).trimEnd();
}
