/** Why the leaf's connection to the hub was refused, or ended. */
export interface LeafFault {
  /** In an operator's words where these are known, else in nats-server's. */
  readonly text: string;
  /** By the monotonic clock, ms. */
  readonly at: number;
  /** Whether another server of the gateway's name takes the connection away, again and again. */
  readonly isTwin: boolean;
}

const duplicate = "Duplicate Remote LeafNode Connection";

/** How nats-server says it (2.9.10, 2.15.2): in its own words, and in an operator's. */
const words: Readonly<Record<string, string>> = {
  "Authorization Violation":
    "the hub refuses the user or the password (`hub.user` and `hub.password` in gateway.yaml)",
  [duplicate]:
    "another gateway of the same name is connected to the hub, and the two push each other out: give each gateway a name of its own (`gateway` in gateway.yaml)",
};

const aboutLeaf = /^\S+ - lid:\d+ - (?:Leafnode Error '([^']+)'|(.+))$/;
const notDialled = /^Error trying to connect as leafnode to remote server .* \(attempt \d+\): (.+)$/;

/** Of a warning or an error of nats-server: undefined where it is about something else. */
export function leafFaultIn(line: string, at: number): LeafFault | undefined {
  const [, quoted, plain] = aboutLeaf.exec(line) ?? [];
  const said = quoted ?? plain ?? notDialled.exec(line)?.[1];
  if (said === undefined) return undefined;
  const known = Object.keys(words).find((one) => said.includes(one));
  return { text: (known !== undefined && words[known]) || said, at, isTwin: known === duplicate };
}
