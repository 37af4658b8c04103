import { systemClock } from "../adapter-kit/clock.ts";
import { encodeReading, type Reading } from "../domain/reading.ts";
import { encodeDeviceState, type DeviceState } from "../supervisor/device-state.ts";
import { AlternateScreen } from "./demo-screen.ts";
import type { Output } from "./demo-output.ts";
import { withColour, withoutColour } from "./demo-style.ts";
import { renderTable, renderTags, type TagPicture } from "./demo-view.ts";

/** Where the monitor's readings go. */
export interface MonitorView extends Disposable {
  reading(reading: Reading): void;
  state(device: string, state: DeviceState): void;
  show(picture: TagPicture): void;
  finish(picture: TagPicture): void;
  /** Something that happened, in a line. */
  say(line: string): void;
}

/** The view that fits the place where stdout leads to. */
export function openMonitorView(
  json: boolean,
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
  site: string,
): MonitorView {
  if (json) return new LineView(output, site);
  const live = output.isTTY === true && environment["TERM"] !== "dumb";
  return live ? new ScreenView(output, (environment["NO_COLOR"] ?? "") === "") : new TableView(output);
}

const notesShown = 2;

/** A table painted over and over. */
class ScreenView implements MonitorView {
  readonly #screen: AlternateScreen;
  readonly #output: Output;
  readonly #colour: boolean;
  #notes: readonly string[] = [];

  constructor(output: Output, colour: boolean) {
    this.#output = output;
    this.#screen = new AlternateScreen(output);
    this.#colour = colour;
  }

  reading(): void {}

  state(): void {}

  show(picture: TagPicture): void {
    const paint = this.#colour ? withColour : withoutColour;
    const online = picture.devices.filter(({ state }) => state.state === "online").length;
    const header = [paint("bold", `linegate monitor   ${online}/${picture.devices.length} devices online`)];
    const footer = ["", ...this.#notes.map((note) => paint("dim", note)), paint("dim", "Ctrl+C ends it")];
    this.#screen.paint(renderTags(picture, header, footer, { ...this.#screen.size, paint }));
  }

  finish(picture: TagPicture): void {
    this.#screen.restore();
    this.#output.write(`${renderTable(picture).join("\n")}\n`);
  }

  say(line: string): void {
    this.#notes = [...this.#notes, line].slice(-notesShown);
  }

  [Symbol.dispose](): void {
    this.#screen.restore();
  }
}

/** For pipes and files: the table once, at the end. */
class TableView implements MonitorView {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  reading(): void {}

  state(): void {}

  show(): void {}

  finish(picture: TagPicture): void {
    this.#output.write(`${renderTable(picture).join("\n")}\n`);
  }

  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  [Symbol.dispose](): void {}
}

/** A reading or a state a line, as a gateway publishes them. */
class LineView implements MonitorView {
  readonly #output: Output;
  readonly #prefix: string;

  constructor(output: Output, site: string) {
    this.#output = output;
    this.#prefix = `data/${site}/`;
  }

  reading(reading: Reading): void {
    const [device, ...tag] = reading.path.topic.slice(this.#prefix.length).split("/");
    const name = `{"device":${JSON.stringify(device)},"tag":${JSON.stringify(tag.join("/"))}`;
    this.#output.write(`${name},${encodeReading(reading).slice(1)}\n`);
  }

  state(device: string, state: DeviceState): void {
    this.#output.write(
      `{"device":${JSON.stringify(device)},"state":${encodeDeviceState(state, systemClock.now())}}\n`,
    );
  }

  show(): void {}

  finish(): void {}

  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  [Symbol.dispose](): void {}
}
