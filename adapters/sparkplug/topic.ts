/** The namespace of Sparkplug B. */
const namespace = "spBv1.0";

/** An edge node, as its topics name it. */
export interface EdgeNodeId {
  readonly group: string;
  readonly node: string;
}

export type MessageType = "NBIRTH" | "NDEATH" | "NDATA" | "DBIRTH" | "DDEATH" | "DDATA";

const messageTypes: ReadonlySet<string> = new Set<MessageType>([
  "NBIRTH",
  "NDEATH",
  "NDATA",
  "DBIRTH",
  "DDEATH",
  "DDATA",
]);

/** All topics of an edge node and its devices. Sparkplug 3.0 §4.1. */
export function nodeFilter({ group, node }: EdgeNodeId): string {
  return `${namespace}/${group}/+/${node}/#`;
}

/** Where commands to the edge node go, or to one of its devices. */
export function commandTopic({ group, node }: EdgeNodeId, device: string | undefined): string {
  return device === undefined
    ? `${namespace}/${group}/NCMD/${node}`
    : `${namespace}/${group}/DCMD/${node}/${device}`;
}

/** Where an edge node's own messages go, for those that play one. */
export function messageTopic({ group, node }: EdgeNodeId, type: MessageType, device?: string): string {
  return `${namespace}/${group}/${type}/${node}${device === undefined ? "" : `/${device}`}`;
}

export function stateTopic(hostId: string): string {
  return `${namespace}/STATE/${hostId}`;
}

/** What a topic that matches `nodeFilter` is about; undefined for commands, and for what is no Sparkplug. */
export function parseTopic(
  topic: string,
): { readonly type: MessageType; readonly device: string | undefined } | undefined {
  const [, , type = "", , device, ...more] = topic.split("/");
  if (!isMessageType(type) || more.length > 0) return undefined;
  // Messages of devices, and only those, name one.
  return type.startsWith("D") === (device !== undefined) ? { type, device } : undefined;
}

function isMessageType(text: string): text is MessageType {
  return messageTypes.has(text);
}
