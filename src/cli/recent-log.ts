import type { Log } from "../adapter-kit/log.ts";

const kept = 20;

/** A log for a screen that is painted over: keeps the last warnings and errors, each as a line. */
export class RecentLog implements Log {
  #lines: string[] = [];
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void = () => undefined) {
    this.#onLine = onLine;
  }

  /** The oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  debug(): void {}

  info(): void {}

  warn(fields: object, message: string): void {
    this.#keep("warning", fields, message);
  }

  error(fields: object, message: string): void {
    this.#keep("error", fields, message);
  }

  #keep(level: string, fields: object, message: string): void {
    const device = "device" in fields ? `${String(fields.device)}: ` : "";
    const line = `${level}: ${device}${message}`;
    this.#lines = [...this.#lines, line].slice(-kept);
    this.#onLine(line);
  }
}
