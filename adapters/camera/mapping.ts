import type {
  DeviceMapping,
  Duration,
  JsonValueType,
  ListenAddress,
  TagMapping,
  TimestampUnit,
} from "../../src/adapter-kit/index.ts";

/** How the camera is told who asks. Passwords and tokens stand as references: `env:NAME`, `file:PATH`. */
export type CameraAuth =
  | { readonly scheme: "basic" | "digest"; readonly user: string; readonly password: string }
  | { readonly scheme: "bearer"; readonly token: string };

export interface CameraTls {
  /** PEM file with the authority that issued the camera's certificate. */
  readonly ca?: string | undefined;
  /** Takes any certificate. */
  readonly insecure: boolean;
}

/** What a connection that the gateway opens has; of a camera that posts, the one for its snapshots. */
export interface DialledConnection {
  readonly url: string;
  readonly timeout: Duration;
  readonly maxBytes: number;
  readonly auth?: CameraAuth | undefined;
  readonly tls?: CameraTls | undefined;
}

export interface HttpPollConnection extends DialledConnection {
  readonly transport: "http-poll";
}

export interface WebSocketConnection extends DialledConnection {
  readonly transport: "websocket";
  readonly ping: Duration;
  readonly subprotocol?: string | undefined;
  /** A message that is sent as soon as the connection stands. */
  readonly subscribe?: string | undefined;
}

/** Where a pushing camera shows its token. */
export type TokenPlace = "authorization" | "x-token" | "query";

export interface HttpPushConnection extends Omit<DialledConnection, "url"> {
  readonly transport: "http-push";
  readonly listen: ListenAddress;
  /** Absent: `/camera/<device>`. */
  readonly path?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenIn: TokenPlace;
}

/** The keys of `connection:`. */
export type CameraConnection = HttpPollConnection | HttpPushConnection | WebSocketConnection;

/** An image that is fetched when another tag of the site says so. */
export interface SnapshotOptions {
  readonly url: string;
  /** A tag of this site, such as `press-1/cycle/done`. */
  readonly trigger: string;
  readonly on: "rise" | "change";
  readonly delay: Duration;
  /** Of a camera that posts or streams: a result that comes this soon after the trigger belongs to it. */
  readonly within: Duration;
}

/** An event for each inspection result. */
export interface EventOptions {
  readonly name: string;
  /** By name in the event: JSON Pointers into the result. Absent: the whole result as `result`. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** What tells one result from the next; absent: the whole result. */
  readonly key?: string | undefined;
  /** The event waits for the image that belongs to the result. */
  readonly image: boolean;
  readonly timestamp?: TimestampOptions | undefined;
}

export interface TimestampOptions {
  readonly pointer: string;
  readonly unit: TimestampUnit;
}

/** The keys at the top of a device file. */
export interface CameraOptions {
  readonly snapshot?: SnapshotOptions | undefined;
  readonly event?: EventOptions | undefined;
}

export interface CameraTagOptions {
  /** Relative to the connection's; absent: that one. */
  readonly url?: string | undefined;
  readonly pointer?: string | undefined;
  readonly type?: JsonValueType | undefined;
  readonly timestamp?: TimestampOptions | undefined;
  /** The tag holds where an image was put. */
  readonly image: boolean;
}

/** The adapter's keys of a `write` entry. */
export interface CameraWriteOptions {
  readonly url: string;
  readonly method: "POST" | "PUT";
  readonly pointer?: string | undefined;
}

export type CameraTagMapping = TagMapping<CameraTagOptions>;
export type CameraDevice<C extends CameraConnection = CameraConnection> = DeviceMapping<
  C,
  CameraOptions,
  CameraTagOptions
>;

/** How a camera that posts or streams is reached where its snapshot is. */
export function snapshotConnection(
  connection: HttpPushConnection | WebSocketConnection,
  { url }: Pick<SnapshotOptions, "url">,
): DialledConnection {
  return { ...connection, url: connection.transport === "http-push" ? url : httpUrl(connection.url) };
}

/** The web server of a stream: `ws://camera/stream` is on `http://camera/`. */
export function httpUrl(stream: string): string {
  return stream.replace(/^ws/, "http");
}

/** The type of a tag that names none. */
export function typeOf({ type }: Pick<CameraTagOptions, "type">): JsonValueType {
  return type ?? "float";
}

/** Where a pushing camera posts to. */
export function pathOf({
  device,
  connection,
}: Pick<CameraDevice<HttpPushConnection>, "device" | "connection">): string {
  return connection.path ?? `/camera/${device}`;
}
