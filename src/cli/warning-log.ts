import type { Log } from "../adapter-kit/log.ts";

/** Hands warnings and errors on, each as a line for an operator; all else is quiet. */
export class WarningLog implements Log {
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  debug(): void {}

  info(): void {}

  warn(fields: object, message: string): void {
    this.#tell("warning", fields, message);
  }

  error(fields: object, message: string): void {
    this.#tell("error", fields, message);
  }

  #tell(level: string, fields: object, message: string): void {
    const whose = "device" in fields ? fields.device : "tag" in fields ? fields.tag : undefined;
    this.#onLine(`${level}: ${whose === undefined ? "" : `${String(whose)}: `}${message}`);
  }
}
