import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SlowLink } from "./slow-link.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A hub of one nats-server, that can be killed and started again on its ports and its store. */
export class HubProcess implements AsyncDisposable {
  readonly clients: number;
  /** Where leafs dial: the line before it, where there is one. They are told no other, which they would take after a reconnect. */
  readonly leafs: number;
  readonly dir = mkdtempSync(join(tmpdir(), "linegate-bench-hub-"));
  readonly #listens: number;
  readonly #line: SlowLink | undefined;
  #child: ChildProcess | undefined;

  private constructor(clients: number, listens: number, line: SlowLink | undefined) {
    this.clients = clients;
    this.#listens = listens;
    this.#line = line;
    this.leafs = line?.port ?? listens;
  }

  /** `bytesPerSecond` of the line before it; without it there is none. */
  static async start(bytesPerSecond?: number): Promise<HubProcess> {
    const listens = await freePort();
    const line = bytesPerSecond === undefined ? undefined : await SlowLink.start(listens, bytesPerSecond);
    const hub = new HubProcess(await freePort(), listens, line);
    await hub.start();
    return hub;
  }

  async start(): Promise<void> {
    const config = join(this.dir, "hub.conf");
    writeFileSync(
      config,
      `server_name: hub
listen: "127.0.0.1:${this.clients}"
ping_interval: "5s"
ping_max: 2
jetstream { domain: hub, store_dir: "${this.dir}", max_file_store: 2GB }
leafnodes { listen: "127.0.0.1:${this.#listens}", advertise: "127.0.0.1:${this.leafs}" }
`,
    );
    this.#child = spawn("nats-server", ["-c", config], { stdio: "ignore" });
    while (!(await answers(this.clients))) await delay(20);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#line?.[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
