/** Why messages were lost: the limit, the disk and then the memory, the server's limit for one message. */
export interface Dropped {
  readonly full: number;
  readonly memory: number;
  readonly oversized: number;
}

/** For the log. */
export const lossReasons: Readonly<Record<keyof Dropped, string>> = {
  full: "The outbox is full: messages are lost from now on, and counted. Check the connection to NATS, and outbox.maxBytes",
  memory:
    "The disk refuses the outbox and the memory for it is full: messages are lost from now on, and counted. Check the disk",
  oversized: "A message is larger than nats-server takes (max_payload): it is dropped, and counted",
};
