import type { Client } from "aedes";
import { connectionOf, type Connection } from "./connection.ts";

/** The clients that are connected, one an id; who listens is told of each coming and going. */
export class ClientRegistry {
  readonly #clients = new Map<string, { readonly client: Client; readonly connection: Connection }>();
  readonly #listeners = new Set<(clientId: string, connected: boolean) => void>();

  get size(): number {
    return this.#clients.size;
  }

  get(clientId: string): Connection | undefined {
    return this.#clients.get(clientId)?.connection;
  }

  onChange(listener: (clientId: string, connected: boolean) => void): () => void {
    // A listener of its own for each call, so that the same function may be given twice.
    const own = (clientId: string, connected: boolean) => listener(clientId, connected);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  add(client: Client): void {
    this.#clients.set(client.id, { client, connection: connectionOf(client) });
    this.#tell(client.id, true);
  }

  /** False where another connection holds the id by now. */
  remove(client: Client): boolean {
    const held = this.#clients.get(client.id);
    if (held === undefined) return false;
    this.#clients.delete(client.id);
    this.#tell(client.id, false);
    // aedes forgets the id even where a newcomer failed that never held it: both are ended then, and may come again.
    if (held.client !== client) held.connection.sever();
    return held.client === client;
  }

  #tell(clientId: string, connected: boolean): void {
    for (const listener of this.#listeners) listener(clientId, connected);
  }
}
