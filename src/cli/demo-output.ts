import { AlternateScreen, type Terminal } from "./demo-screen.ts";
import { withColour, withoutColour } from "./demo-style.ts";
import type { DemoSummary } from "./demo-summary.ts";
import { hintLines, renderScreen, renderTable, type DemoPicture } from "./demo-view.ts";

/** Where the demo's pictures and words go. */
export interface DemoView extends Disposable {
  /** A picture of now; what becomes of it is the view's own business. */
  show(picture: DemoPicture): void;
  /** The picture of the end, and the figures. */
  finish(picture: DemoPicture, summary: DemoSummary): void;
  /** What is about to happen, before there is a picture. */
  begin(line: string): void;
  /** Something that happened, in a line. */
  say(line: string): void;
  /** Leaves the terminal as it was. Idempotent. */
  close(): void;
}

export interface Output extends Terminal {
  readonly isTTY?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The view that fits the place where stdout leads to. */
export function openView(json: boolean, output: Output, environment: Environment): DemoView {
  if (json) return new JsonView(output);
  if (output.isTTY !== true) return new PlainView(output);
  const dumb = environment["TERM"] === "dumb";
  return dumb ? new PlainView(output) : new LiveView(output, (environment["NO_COLOR"] ?? "") === "");
}

/** Notes on the screen at once; the last ones. */
const notesShown = 2;
/** Notes kept for when the screen is gone. */
const notesKept = 10;

/** The live table, painted over and over. */
class LiveView implements DemoView {
  readonly #screen: AlternateScreen;
  readonly #output: Output;
  readonly #colour: boolean;
  #said: string[] = [];

  constructor(output: Output, colour: boolean) {
    this.#output = output;
    this.#screen = new AlternateScreen(output);
    this.#colour = colour;
  }

  begin(line: string): void {
    this.#output.write(`${line}\n`);
  }

  show(picture: DemoPicture): void {
    const paint = this.#colour ? withColour : withoutColour;
    const notes = [...picture.notes, ...this.#said.slice(-notesShown)];
    this.#screen.paint(renderScreen({ ...picture, notes }, { ...this.#screen.size, paint }));
  }

  finish(picture: DemoPicture, summary: DemoSummary): void {
    this.close();
    for (const line of this.#said) this.#output.write(`${line}\n`);
    this.#output.write(`${inWords(summary, picture)}\n`);
  }

  say(line: string): void {
    this.#said = [...this.#said, line].slice(-notesKept);
  }

  close(): void {
    this.#screen.restore();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** For pipes and files: the table once values are there, and once at the end. */
class PlainView implements DemoView {
  readonly #output: Output;
  #shown = false;

  constructor(output: Output) {
    this.#output = output;
  }

  begin(line: string): void {
    this.#print([line]);
  }

  show(picture: DemoPicture): void {
    const full = picture.devices.every(({ rows }) => rows.every(({ value }) => value !== undefined));
    if (this.#shown || !(full || picture.elapsedMs >= 3_000)) return;
    this.#shown = true;
    this.#print([...renderTable(picture), "", ...hintLines(picture.hints, 0), ""]);
  }

  finish(picture: DemoPicture, summary: DemoSummary): void {
    this.#print([...renderTable(picture), "", inWords(summary, picture)]);
  }

  say(line: string): void {
    this.#print([line]);
  }

  close(): void {}

  [Symbol.dispose](): void {}

  #print(lines: readonly string[]): void {
    this.#output.write(`${lines.join("\n")}\n`);
  }
}

/** Nothing but one line at the end; what happens meanwhile is told on stderr. */
class JsonView implements DemoView {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  begin(): void {}

  show(): void {}

  finish(_picture: DemoPicture, summary: DemoSummary): void {
    this.#output.write(`${JSON.stringify(summary)}\n`);
  }

  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  close(): void {}

  [Symbol.dispose](): void {}
}

function inWords(summary: DemoSummary, { elapsedMs }: DemoPicture): string {
  const { devices, online, readings, badReadings, natsMessages, writes, alerts } = summary;
  const seconds = (elapsedMs / 1_000).toFixed(1);
  return `${online} of ${devices} devices online; ${readings} readings in ${seconds} s, ${badReadings} of them bad; ${natsMessages} messages received over NATS; ${writes} writes answered with ok; ${alerts} alerts raised`;
}
