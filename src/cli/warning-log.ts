import type { Log } from "../adapter-kit/log.ts";

/** What a line is about, where its fields say so. */
interface Whose {
  readonly device?: string;
  readonly tag?: string;
}

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

  #tell(level: string, { device, tag }: Whose, message: string): void {
    const whose = device ?? tag;
    this.#onLine(`${level}: ${whose === undefined ? "" : `${whose}: `}${message}`);
  }
}
