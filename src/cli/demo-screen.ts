/** What the screen needs of a terminal. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const alternateOn = "\u001B[?1049h\u001B[?25l";
const alternateOff = "\u001B[?25h\u001B[?1049l";
const home = "\u001B[H";
const clearToEndOfLine = "\u001B[K";
const clearBelow = "\u001B[J";

/** The terminal's alternate screen (xterm's 1049): what stood there before comes back at the end. */
export class AlternateScreen {
  readonly #terminal: Terminal;
  #open = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.#terminal.columns ?? 80, height: this.#terminal.rows ?? 24 };
  }

  /** Paints over what is there, in one write, so that nothing flickers. */
  paint(lines: readonly string[]): void {
    const start = this.#open ? home : alternateOn + home;
    this.#open = true;
    // No line end after the last line: it would scroll the screen.
    this.#terminal.write(`${start}${lines.map((line) => line + clearToEndOfLine).join("\r\n")}${clearBelow}`);
  }

  /** Idempotent. */
  restore(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#terminal.write(alternateOff);
  }
}
