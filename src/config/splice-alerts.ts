import { Document, isMap, isNode, isScalar, type Pair, type YAMLMap } from "yaml";

/** One alert as it is to stand in the file; without a pair its lines are as they are. */
export interface AlertLines {
  readonly name: string;
  readonly pair?: Pair;
}

/** Where an entry of the map stands: `from` with the comments above it, its own line, `to` after its last one. */
interface Lines {
  readonly from: number;
  readonly line: number;
  readonly to: number;
}

/**
 * The text with other entries in its block map of alerts, and not a character of the others or around them changed.
 * Undefined where the map is written in another way, such as in one line.
 */
export function spliced(text: string, map: YAMLMap, alerts: readonly AlertLines[]): string | undefined {
  const lines = linesOf(text, map);
  const [first] = map.items;
  const all = [...(lines?.values() ?? [])];
  const [begin, end] = [all[0], all.at(-1)];
  if (lines === undefined || first === undefined || begin === undefined || end === undefined)
    return undefined;
  if (alerts.length === 0) return undefined;
  const indent = " ".repeat(columnOf(text, startOf(first) ?? 0));
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const parts = alerts.map(({ name, pair }) => {
    const at = lines.get(name) ?? { from: 0, line: 0, to: 0 };
    if (pair === undefined) return ended(text.slice(at.from, at.to));
    return text.slice(at.from, at.line) + rendered(pair, indent, newline);
  });
  return text.slice(0, begin.from) + parts.join("") + text.slice(end.to);
}

function linesOf(text: string, map: YAMLMap): ReadonlyMap<string, Lines> | undefined {
  if (map.flow === true) return undefined;
  const found = new Map<string, Lines>();
  let before: number | undefined;
  for (const pair of map.items) {
    const { key, value } = pair;
    const start = startOf(pair);
    if (!isScalar(key) || typeof key.value !== "string" || start === undefined) return undefined;
    if (!isNode(value) || !value.range) return undefined;
    const column = columnOf(text, start);
    const line = start - column;
    if (text.slice(line, start).trim() !== "") return undefined;
    // A comment above the first alert is the map's.
    const from = before === undefined ? line : before;
    const to = afterComments(text, lineEnd(text, value.range[1]), column);
    found.set(key.value, { from, line, to });
    before = to;
  }
  return found;
}

function startOf({ key }: Pair): number | undefined {
  return isNode(key) ? key.range?.[0] : undefined;
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf("\n", at - 1) + 1);
}

/** After the line that a value ends in; a block text ends with its line. */
function lineEnd(text: string, at: number): number {
  if (text[at - 1] === "\n") return at;
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}

/** Comments that stand deeper than the alerts belong to the one above them. */
function afterComments(text: string, at: number, column: number): number {
  const end = lineEnd(text, at + 1);
  const line = text.slice(at, end);
  const deep = line.search(/\S/) > column && line.trimStart().startsWith("#");
  return deep && end > at ? afterComments(text, end, column) : at;
}

function rendered(pair: Pair, indent: string, newline: string): string {
  const document = new Document({});
  if (isMap(document.contents)) document.contents.items = [pair];
  // YAML 1.2 §5.4: only LF and CR end a line; a regular expression's ^ is after U+2028 and U+2029 as well.
  const lines = document.toString({ lineWidth: 0 }).split("\n");
  return lines.map((line) => (line === "" ? line : indent + line)).join(newline);
}

function ended(lines: string): string {
  return lines.endsWith("\n") ? lines : `${lines}\n`;
}
