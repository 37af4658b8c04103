import { GatewayError } from "../domain/errors.ts";

/** What a given nats-server can be told. An unknown field stops the server, so each is asked for here. */
export interface ServerFeatures {
  /** `jetstream { sync_interval }`, from 2.10: without it a power cut may cost two minutes of acknowledged messages. */
  readonly syncInterval: boolean;
  /**
   * `jetstream { max_buffered_msgs, max_buffered_size }`, surely from 2.11. There a stream drops what comes in above a
   * number of waiting messages, at first 10,000: a burst of all tags is more.
   */
  readonly bufferedMessages: boolean;
  /**
   * `deny_imports` of a leaf's remote holds back what comes in and nothing else. From 2.15 on it holds back live messages on
   * their way out as well, as soon as the hub subscribes to them with a wildcard (2.15.2: processLeafSub fills the filter
   * of deliveries from it).
   */
  readonly denyImports: boolean;
}

export interface ServerVersion {
  /** Such as `2.9.10`. */
  readonly text: string;
  readonly features: ServerFeatures;
}

/** Reads what `nats-server --version` prints, such as `nats-server: v2.9.10`. */
export function parseVersion(printed: string): ServerVersion {
  const match = /nats-server: v?((\d+)\.(\d+)\.(\d+)\S*)/.exec(printed);
  if (match?.[1] === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "The program that was found as nats-server does not print a version as nats-server does",
      { context: { printed: printed.slice(0, 200) } },
    );
  }
  const [major, minor] = [Number(match[2]), Number(match[3])];
  if (major < 2 || (major === 2 && minor < 9)) {
    throw new GatewayError("CONFIG_INVALID", `nats-server ${match[1]} is too old: 2.9 or newer is needed`);
  }
  return { text: match[1], features: featuresOf(major, minor) };
}

function featuresOf(major: number, minor: number): ServerFeatures {
  const since = (first: number) => major > 2 || minor >= first;
  return { syncInterval: since(10), bufferedMessages: since(11), denyImports: !since(15) };
}
