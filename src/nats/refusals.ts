import { errors } from "@nats-io/transport-node";
import type { Log } from "../adapter-kit/log.ts";

/** A server that invents ever new refusals is not listened to any further. */
const mostKinds = 100;

/** What the server refused, told once for each kind: ten thousand tags without a right are one line. */
export class Refusals {
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  tell(error: Error): void {
    const kind = kindOf(error);
    if (this.#told.has(kind) || this.#told.size >= mostKinds) return;
    this.#told.add(kind);
    this.#log.error(
      {
        error: error.message,
        hint: "Check the rights of the gateway's user; told once for each kind of subject",
      },
      "nats-server refused something",
    );
  }
}

function kindOf(error: Error): string {
  if (!(error instanceof errors.PermissionViolationError)) return error.message;
  return `${error.operation} ${error.subject.split(".", 1)[0] ?? ""}`;
}
