import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { leafFaultIn, type LeafFault } from "./leaf-fault.ts";

const longestLine = 4_096;
const tailLines = 10;
/** A server that complains about every message must not fill the gateway's log. */
const linesPerWindow = 20;
const windowMs = 60_000;
/** A hub that is away is dialled every second, perhaps for days. */
const leafWindowMs = 3_600_000;
/** `127.0.0.1:5000 - cid:7 - "v1" - Publish Violation - User "panel", Subject "data.x"`: about one client, leaf, … */
const aboutPeer = /^\S+ - [a-z]{1,2}id:\d+ - (?:"[^"]*" - )*([^-:"]*)/;
/** From 2.12 on: that stream, or consumer, stores nothing more until the server is started anew. */
const writeError = /^JetStream .* critical write error: /;
/** A hostile client must not make kinds without an end. */
const mostPeerFaults = 50;

/**
 * What nats-server writes, line by line: warnings and errors go to the gateway's log, the rest is dropped; a few last
 * lines are kept for the error message of a server that exits. What a client did wrong is a warning, each kind of fault
 * once a minute with the number of those before it, what the leaf's connection suffers once an hour. Bounded in all it keeps.
 */
export class ServerLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #onListening: (port: number, what: "clients" | "monitor") => void;
  readonly #onReady: () => void;
  #partial = "";
  #writeError: string | undefined;
  #tail: string[] = [];
  #windowStart = -Infinity;
  #inWindow = 0;
  #leafFault: LeafFault | undefined;
  readonly #peerFaults = new Map<string, { since: number; untold: number }>();

  constructor(
    log: Log,
    clock: Clock,
    onListening: (port: number, what: "clients" | "monitor") => void,
    onReady: () => void,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#onListening = onListening;
    this.#onReady = onReady;
  }

  /** Why something in the store takes nothing more, until the server is started anew; undefined where all does. */
  get writeError(): string | undefined {
    return this.#writeError;
  }

  /** What the leaf's connection to the hub suffered last. */
  get leafFault(): LeafFault | undefined {
    return this.#leafFault;
  }

  /** The last complaints, oldest first. */
  get tail(): string {
    return this.#tail.join("; ");
  }

  take(chunk: string): void {
    const lines = (this.#partial + chunk).split("\n");
    this.#partial = (lines.pop() ?? "").slice(0, longestLine);
    for (const line of lines) this.#line(line.slice(0, longestLine));
  }

  #line(line: string): void {
    const match = /\[(INF|WRN|ERR|FTL)\] (.*)$/.exec(line);
    // Go prints panics and flag errors without a level.
    const [level, text] = match === null ? ["ERR", line.trim()] : [match[1], match[2] ?? ""];
    if (text === "") return;
    if (level === "INF") {
      const port = /^Listening for client connections on .*:(\d+)$/.exec(text)?.[1];
      const monitor = /^Starting http monitor on .*:(\d+)$/.exec(text)?.[1];
      if (port !== undefined) this.#onListening(Number(port), "clients");
      else if (monitor !== undefined) this.#onListening(Number(monitor), "monitor");
      else if (text === "Server is ready") this.#onReady();
      return;
    }
    const leafFault = leafFaultIn(text, this.#clock.monotonic());
    if (leafFault !== undefined) {
      this.#leafFault = leafFault;
      this.#tellFault(text.replaceAll(/\d+/g, "#"), text, leafWindowMs);
      return;
    }
    const fault = aboutPeer.exec(text)?.[1]?.trim();
    if (fault !== undefined) {
      this.#tellFault(fault, text, windowMs);
      return;
    }
    if (writeError.test(text)) this.#writeError ??= text;
    this.#tail = [...this.#tail.slice(1 - tailLines), text];
    this.#forward(level === "WRN" ? "warn" : "error", text);
  }

  #tellFault(fault: string, text: string, everyMs: number): void {
    const now = this.#clock.monotonic();
    const known = this.#peerFaults.get(fault);
    if (known !== undefined && now - known.since < everyMs) {
      known.untold += 1;
      return;
    }
    if (this.#peerFaults.size >= mostPeerFaults) this.#peerFaults.clear();
    this.#peerFaults.set(fault, { since: now, untold: 0 });
    const untold = known?.untold ?? 0;
    this.#log.warn({ server: "nats-server", ...(untold === 0 ? {} : { untold }) }, text);
  }

  #forward(level: "warn" | "error", text: string): void {
    const now = this.#clock.monotonic();
    if (now - this.#windowStart >= windowMs) {
      const unsaid = this.#inWindow - linesPerWindow;
      if (unsaid > 0) this.#log.warn({ lines: unsaid }, "nats-server said more than was logged");
      this.#windowStart = now;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    if (this.#inWindow <= linesPerWindow) this.#log[level]({ server: "nats-server" }, text);
  }
}
