import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A line between here and a port that takes so many bytes a second in each direction. */
export class SlowLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: number, bytesPerSecond: number): Promise<SlowLink> {
    const link = new SlowLink(
      createServer((near) => {
        const far = connect(target, "127.0.0.1");
        link.#join(near, far, bytesPerSecond);
        link.#join(far, near, bytesPerSecond);
      }),
    );
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #join(from: Socket, to: Socket, bytesPerSecond: number): void {
    this.#open.add(from);
    let freeAt = 0;
    from.on("data", (bytes) => {
      to.write(bytes);
      // What timers are late by is made good: the next bytes may come so much earlier.
      freeAt = Math.max(freeAt, performance.now() - 50) + (bytes.length / bytesPerSecond) * 1_000;
      const wait = freeAt - performance.now();
      if (wait < 1) return;
      from.pause();
      setTimeout(() => from.resume(), wait);
    });
    from.on("error", () => from.destroy());
    from.on("close", () => {
      this.#open.delete(from);
      to.destroy();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
