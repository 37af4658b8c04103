import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { Duplex } from "node:stream";
import { GatewayError } from "../../src/domain/errors.ts";

/** A serial port that is none: what one side writes to `path`, the other reads from `stream`. */
export interface PseudoTerminal {
  readonly path: string;
  readonly stream: Duplex;
  /** Idempotent; `path` is gone afterwards. */
  close(): Promise<void>;
}

/** Where socat is on PATH; undefined where it is not installed. */
export function findSocat(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "socat")).find(isExecutable);
}

/**
 * Opens a pseudo-terminal whose other side is `path`, by a `socat` child: Node has none of its own. Rejects with
 * CONFIG_INVALID where socat is missing or can't make `path`.
 */
export async function openPseudoTerminal(path: string): Promise<PseudoTerminal> {
  return throughStdio(`pty,raw,echo=0,link=${path}`, path);
}

/** The serial port of this machine at `path`, with 8 data bits, no parity. Rejects as above. */
export async function openRealPort(path: string, baud: number): Promise<PseudoTerminal> {
  return throughStdio(`${path},raw,echo=0,b${baud}`, path);
}

/** Two serial ports with a line between them, for programs that open ports themselves; returns the way to end it. */
export async function openPair(one: string, other: string): Promise<() => Promise<void>> {
  const { end } = await startSocat(`pty,raw,echo=0,link=${one}`, `pty,raw,echo=0,link=${other}`, one);
  return end;
}

async function throughStdio(address: string, path: string): Promise<PseudoTerminal> {
  const { child, end } = await startSocat(address, "stdio", path);
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const close = async () => {
    stream.destroy();
    await end();
  };
  stream.once("close", () => void end());
  return { path, stream, close };
}

async function startSocat(one: string, other: string, path: string) {
  const socat = findSocat();
  if (socat === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "A simulated serial port needs the program socat, which is not here. On Debian: sudo apt-get install socat.",
    );
  }
  // -d -d: it says when the port is there.
  const child = spawn(socat, ["-d", "-d", one, other], { stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let said = "";
  const ready = new Promise<boolean>((resolve) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
      if (said.includes("starting data transfer loop")) resolve(true);
    });
    child.once("exit", () => resolve(false));
  });
  if (!(await ready)) {
    const why = said.trim().split("\n").at(-1) ?? "";
    throw new GatewayError("CONFIG_INVALID", `socat can't provide the serial port ${path}: ${why}`);
  }
  const end = async () => {
    child.kill("SIGTERM");
    await exited;
  };
  return { child, end };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
