import type { MqttClient } from "mqtt";
import { encodePayload } from "../../adapters/sparkplug/encode.ts";
import { commandTopic, messageTopic, parseTopic } from "../../adapters/sparkplug/topic.ts";
import type { Frame } from "../../src/trace/frame.ts";
import { dialBroker } from "../mqtt/replay-connection.ts";
import { playAgain } from "../site/play-again.ts";
import type { ReplayOptions, Replayer, RunningReplay } from "../site/replayer.ts";
import { payloadOf, recordedNode, renumbered, type RecordedNode } from "./recorded-node.ts";

/** A recorded Sparkplug device: births, data and deaths at their times, again and again; births also when they are asked for. */
export const sparkplugReplayer: Replayer = {
  start: async (recording, options) => {
    const node = recordedNode(recording);
    const { id, session } = node;
    const timestamp = options.clock.now();
    const death = encodePayload({
      timestamp,
      metrics:
        session === undefined ? [] : [{ name: "bdSeq", timestamp, type: "int64", value: BigInt(session) }],
    });
    const will = { topic: messageTopic(id, "NDEATH"), payload: death, qos: 1, retain: false } as const;
    const client = await dialBroker(options, { clientId: `${id.group}-${id.node}`, will });
    return new ReplayedNode(client, node, { ...options, death });
  },
};

class ReplayedNode implements RunningReplay {
  readonly place: string;
  readonly #client: MqttClient;
  readonly #node: RecordedNode;
  readonly #death: Buffer;
  readonly #stop = new AbortController();
  readonly #playing: Promise<void>;
  /** The births in force by topic, that of the node first. */
  readonly #births = new Map<string, Frame>();
  #sequence = 0;

  constructor(client: MqttClient, node: RecordedNode, options: ReplayOptions & { readonly death: Buffer }) {
    this.#client = client;
    this.#node = node;
    this.#death = options.death;
    const { group, node: name } = node.id;
    this.place = `Sparkplug ${group}/${name} at ${options.broker}, ${node.messages.length} messages again and again`;
    client.on("message", (_, payload) => this.#command(payload));
    // Back after a break, in which its will was sent.
    client.on("connect", () => this.#rebirth());
    this.#playing = this.#play(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
    const client = this.#client;
    if (client.connected) client.publish(messageTopic(this.#node.id, "NDEATH"), this.#death, { qos: 0 });
    await client.endAsync(!client.connected);
  }

  async #play({ clock, speed }: ReplayOptions): Promise<void> {
    await this.#client
      .subscribeAsync(commandTopic(this.#node.id, undefined), { qos: 1 })
      .catch(() => undefined);
    const { signal } = this.#stop;
    await playAgain(this.#node.messages, { clock, speed, signal }, (message) => this.#say(message));
  }

  #say(message: Frame): void {
    const { type, device } = parseTopic(message.channel) ?? {};
    if (type === "NBIRTH" || type === "NDEATH") this.#births.clear();
    if (type === "NBIRTH" || type === "DBIRTH") this.#births.set(message.channel, message);
    if (type === "DDEATH") this.#births.delete(messageTopic(this.#node.id, "DBIRTH", device));
    this.#send(message);
  }

  /** Sequence numbers are given anew: the recording has the messages of one device, not of the others behind the node. */
  #send({ channel, bytes }: Frame): void {
    if (!this.#client.connected) return;
    const { type } = parseTopic(channel) ?? {};
    if (type === "NBIRTH") this.#sequence = 0;
    const isCounted = type !== undefined && type !== "NDEATH" && payloadOf({ bytes }) !== undefined;
    this.#client.publish(channel, isCounted ? renumbered(bytes, this.#sequence) : bytes, { qos: 0 });
    if (isCounted) this.#sequence = (this.#sequence + 1) % 256;
  }

  #command(bytes: Buffer): void {
    const metrics = payloadOf({ bytes })?.metrics ?? [];
    const asked = metrics.some(({ name, value }) => name === "Node Control/Rebirth" && value?.value === true);
    if (asked) this.#rebirth();
  }

  #rebirth(): void {
    for (const birth of this.#births.values()) this.#send(birth);
  }
}
