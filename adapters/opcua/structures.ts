import type { DataValue } from "node-opcua-data-value";
import { promoteOpaqueStructure } from "node-opcua-client-dynamic-extension-object";
import { browsingSession } from "./browsing-session.ts";
import type { Session } from "./session.ts";

type LibrarySession = Parameters<typeof promoteOpaqueStructure>[0];

/** Structures of types that the server alone knows, decoded by its DataTypeDefinitions or its type dictionary. */
export class Structures {
  readonly #session: LibrarySession;

  constructor(session: Session) {
    this.#session = browsingSession(session) as unknown as LibrarySession;
  }

  /** Replaces what is opaque in the value by what it stands for; rejects where the server does not tell. */
  async promote(data: DataValue): Promise<void> {
    const { value } = data;
    if (value) await promoteOpaqueStructure(this.#session, [{ value }]);
  }
}
