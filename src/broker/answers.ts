import type { AedesPublishPacket, Client } from "aedes";
import { GatewayError } from "../domain/errors.ts";
import { connectionOf, type Connection } from "./connection.ts";
import type { BrokerCounters } from "./counters.ts";

/** What a message costs beside its payload while it waits. */
const overheadBytes = 200;

type Done = (error?: Error | null) => void;

/** A packet as aedes has it while it judges it. */
export type IncomingPublish = AedesPublishPacket & { messageId?: number; clientId?: string };

/** What aedes can and its types leave out. */
export interface PublishesForClients {
  /** Hands the message on; calls back once nothing holds its answer. */
  publish(packet: IncomingPublish, client: Client, done: Done): void;
}

export interface AnswersOptions extends PublishesForClients {
  readonly counters: Pick<BrokerCounters, "inFlightToDisk">;
  /** What is kept of QoS 2 messages. */
  readonly inbound: {
    hasInbound(client: Client, messageId: number): boolean;
    /** Throws where the client leaves too many unreleased. */
    takeInbound(client: Client, messageId: number): void;
    releaseInbound(client: Client, messageId: number): boolean;
  };
}

/** Where a message goes that nobody is to get: nobody can subscribe there, and it carries nothing. */
const nowhere = "$refused";

/** Empties a message: aedes still answers it. */
export function divert(packet: IncomingPublish): void {
  packet.topic = nowhere;
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}

/**
 * aedes answers a QoS 1 message before it hands it on, and never asks whether it may. Here messages are handed on first, while
 * aedes waits to be told that they are allowed; what is left for it to do then is the PUBACK or PUBREC.
 */
export class Answers {
  readonly #options: AnswersOptions;
  /**
   * QoS 2 messages that are not answered yet, by identifier: one that comes again waits with the first. A client without a
   * session begins anew with each connection, and so do its identifiers.
   */
  readonly #open = new Map<Connection | string, Map<number, Promise<boolean>>>();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** Calls back when the message may be answered, with an error where it must not be. */
  handOn(client: Client, packet: IncomingPublish, done: Done): void {
    const { messageId } = packet;
    // A last will has nobody to answer. A message that was refused is answered, and goes nowhere.
    if (packet.qos === 0 || messageId === undefined || packet.topic === nowhere) {
      done(null);
      return;
    }
    packet.clientId = client.id;
    // It says how the message came, and not how it goes on (MQTT 3.1.1 §3.3.1.1).
    packet.dup = false;
    if (packet.qos === 1) {
      this.#publish(client, packet, (error) => {
        divert(packet);
        done(error);
      });
    } else this.#handOnOnce(client, packet, messageId, done);
  }

  #handOnOnce(client: Client, packet: IncomingPublish, messageId: number, done: Done): void {
    const { inbound } = this.#options;
    const whose = client.clean ? connectionOf(client) : client.id;
    const open = this.#open.get(whose) ?? new Map<number, Promise<boolean>>();
    const same = open.get(messageId);
    if (same !== undefined) {
      void answerAfter(same, done);
      return;
    }
    if (inbound.hasInbound(client, messageId)) {
      done(null);
      return;
    }
    try {
      inbound.takeInbound(client, messageId);
    } catch (caught) {
      done(caught as GatewayError);
      return;
    }
    const opened = Promise.withResolvers<boolean>();
    this.#open.set(whose, open.set(messageId, opened.promise));
    this.#publish(client, packet, (error) => {
      open.delete(messageId);
      if (open.size === 0) this.#open.delete(whose);
      const isTaken = error === null || error === undefined;
      opened.resolve(isTaken);
      // It is not stored: when it comes again it is taken as if for the first time.
      if (!isTaken && !(client.clean && client.closed)) inbound.releaseInbound(client, messageId);
      done(error);
    });
  }

  #publish(client: Client, packet: IncomingPublish, done: Done): void {
    const { counters } = this.#options;
    const connection = connectionOf(client);
    const bytes = packet.payload.length + overheadBytes;
    counters.inFlightToDisk += 1;
    connection.hold(bytes);
    this.#options.publish(packet, client, (error) => {
      counters.inFlightToDisk -= 1;
      connection.release(bytes);
      done(error ?? (client.closed ? unanswered("closed") : null));
    });
  }
}

async function answerAfter(taken: Promise<boolean>, done: Done): Promise<void> {
  done((await taken) ? null : unanswered("disk"));
}

/** Ends the connection: the client keeps the message, and sends it again. */
function unanswered(reason: "disk" | "closed"): GatewayError {
  return new GatewayError("STORE_FULL", "A message is not answered.", { context: { reason } });
}
