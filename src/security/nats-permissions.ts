import type { UserConfig } from "../config/gateway-schema.ts";
import { filterCovers } from "../domain/topic-filter.ts";
import { isSegment, subjectOfFilter } from "../domain/tag-path.ts";

/** What a user may do on NATS, as subject patterns. An empty list means nothing at all. */
interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Answers what it is asked, whatever the inbox. */
  readonly answers?: boolean;
}

/** A user of nats-server with its rights. */
interface NatsUserRights extends NatsPermissions {
  readonly name: string;
  /** bcrypt; absent only for `anonymous`. */
  readonly passwordHash?: string | undefined;
}

/** All users of `gateway.yaml` as nats-server is to know them. */
export function natsUsers(users: Readonly<Record<string, UserConfig>>, place: Place): NatsUserRights[] {
  return Object.entries(users).map(([name, user]) => ({
    name,
    passwordHash: user.passwordHash,
    ...natsPermissions(user, place),
  }));
}

/** Where the site's own programs tell each other something: nobody outside may speak there. */
export function exchangedSubjects(users: Readonly<Record<string, UserConfig>>): readonly string[] {
  const filters = Object.values(users).flatMap(({ exchange }) => [
    ...(exchange?.publish ?? []),
    ...(exchange?.read ?? []),
  ]);
  return [...new Set(filters.filter(isTranslatable).map(subjectOfFilter))];
}

/** Which gateway it is, and where. */
interface Place {
  readonly gateway: string;
  readonly site: string;
  /** Of the object store for images. */
  readonly imageBucket: string;
}

/**
 * The services that people ask things of, on `<service>.<gateway>.<request>`: what is told to whoever may read all of the
 * service's events, and the KV bucket with its present states.
 */
const services = [
  { name: "scheduling", events: "line", readable: ["state"], bucket: "line" },
  { name: "alerting", events: "alert", readable: ["list", "report"], bucket: "alerts" },
  // Balances are readings: they have no bucket of their own.
  { name: "ledger", events: "data", readable: ["list"], bucket: undefined },
] as const;
/** The stream of the events, and those that follow it where it came back with less than it had. */
const incarnations = ["EVENTS", ...Array.from({ length: 8 }, (_, index) => `EVENTS_${index + 2}`)];
const discovery = ["PING", "INFO", "STATS"].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.>`]);

/** The first tokens of what the gateway publishes (design §3). `_INBOX`, `$JS` and `$SYS` are not among them on purpose. */
const readable = ["data", "state", "event", "cmd", "alert", "line", "batch", "audit"];
/** Images are no topic: their names are hidden in the subjects, so that this filter stands for all of them. */
const allImages = "images/#";

/**
 * The rights of a user on NATS. Readers subscribe to their read filters and take the snapshot of `data` from the stream
 * LATEST, and the images with `images/#`; writers send requests to their `cmd` subjects; device data comes in over MQTT
 * alone, and nobody but the gateway publishes on `data`, `state`, `alert`, `line`, `event` or `audit`.
 */
function natsPermissions(
  user: Pick<UserConfig, "read" | "write" | "publish" | "service" | "exchange">,
  { gateway, site, imageBucket }: Place,
): NatsPermissions {
  const read = user.read.flatMap(readSubjects);
  const commands = `cmd/${site}/#`;
  const write = user.write.filter(isTranslatable).flatMap((filter) => {
    if (filterCovers(commands, filter)) return [subjectOfFilter(filter)];
    return filterCovers(filter, commands) ? [subjectOfFilter(commands)] : [];
  });
  if (user.service !== undefined) return outsideService(user.service, user.publish, { gateway, site });
  const images = user.read.some((filter) => isTranslatable(filter) && filterCovers(filter, allImages));
  const told = (user.exchange?.read ?? []).filter(isTranslatable).map(subjectOfFilter);
  const tells = (user.exchange?.publish ?? []).filter(isTranslatable).map(subjectOfFilter);
  const asks = [...read, ...write, ...told, ...tells].length > 0 || images;
  const inbox = asks ? ["_INBOX.>"] : [];
  return {
    publish: [
      ...new Set([
        ...write,
        ...tells,
        ...latestRequests(read.filter((subject) => subject.startsWith("data."))),
        ...(images ? bucketRequests(`OBJ_${imageBucket}`) : []),
        ...serviceRequests(user, { gateway, site }),
      ]),
    ],
    subscribe: [...read, ...told, ...inbox],
    ...(told.length > 0 ? { answers: true } : {}),
  };
}

/** The process of a service outside: all that the service in the gateway would do there, and what its mapping publishes. */
function outsideService(
  service: NonNullable<UserConfig["service"]>,
  publish: readonly string[],
  { gateway, site }: Pick<Place, "gateway" | "site">,
): NatsPermissions {
  const place = site.replaceAll("/", ".");
  const { events, bucket } = services.find(({ name }) => name === service) ?? services[0];
  return {
    publish: [
      `${events}.${place}.>`,
      // What an alert's action that failed is told on.
      ...(service === "alerting" ? [`event.${place}.alerting.*`] : []),
      // Where it wrote before it had a way of its own: a process that is older than its gateway still does.
      `cmd.${place}.>`,
      `bridge.${gateway}.${service}.>`,
      `$KV.${bucket}.${place}.*`,
      ...["INFO", "CREATE", "MSG.GET"].map((request) => `$JS.API.STREAM.${request}.KV_${bucket}`),
      "$JS.API.STREAM.MSG.GET.LATEST",
      ...incarnations.flatMap((stream) =>
        ["INFO", "CREATE", "UPDATE", "MSG.GET"].map((request) => `$JS.API.STREAM.${request}.${stream}`),
      ),
      ...publish.filter(isTranslatable).map(subjectOfFilter),
    ],
    subscribe: [
      ...["data", "state", "line"].map((level) => `${level}.${place}.>`),
      `${service}.${gateway}.>`,
      "$SRV.>",
      "_INBOX.>",
    ],
    answers: true,
  };
}

/** Who may write everything of the site may ask everything; who may read all that a service tells may ask how things stand. */
function serviceRequests(
  { read, write }: Pick<UserConfig, "read" | "write">,
  { gateway, site }: Pick<Place, "gateway" | "site">,
): string[] {
  const writesAll = write.some((filter) => filterCovers(filter, `cmd/${site}/#`));
  const asked = services.flatMap(({ name, events, readable, bucket }) => {
    const readsAll = read.some((filter) => filterCovers(filter, `${events}/${site}/#`));
    const states = readsAll && bucket !== undefined ? bucketRequests(`KV_${bucket}`) : [];
    if (writesAll) return [`${name}.${gateway}.>`, ...states];
    return readsAll ? [...readable.map((request) => `${name}.${gateway}.${request}`), ...states] : [];
  });
  return asked.length > 0 ? [...asked, ...discovery] : [];
}

/** A filter whose first level is a wildcard stands for the gateway's names, not for other people's inboxes. */
function readSubjects(filter: string): string[] {
  if (!isTranslatable(filter)) return [];
  if (filter === "#") return readable.map((first) => `${first}.>`);
  const [first, ...rest] = filter.split("/");
  const firsts = first === "+" ? readable : readable.filter((name) => name === first);
  return firsts.map((name) => subjectOfFilter([name, ...rest].join("/")));
}

/** A level such as `*` is a name in MQTT and a wildcard in NATS: such a filter would grow. */
function isTranslatable(filter: string): boolean {
  return filter.split("/").every((level) => level === "+" || level === "#" || isSegment(level));
}

/**
 * What an ordered consumer on LATEST asks of JetStream. The filter stands in the subject of the request, where the server
 * holds the consumer to it, so that the snapshot shows no more than the subscription would.
 */
function latestRequests(data: readonly string[]): string[] {
  if (data.length === 0) return [];
  return [
    ...data.map((subject) => `$JS.API.CONSUMER.CREATE.LATEST.*.${subject}`),
    ...data.map((subject) => `$JS.API.DIRECT.GET.LATEST.${subject}`),
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.LATEST",
    "$JS.API.CONSUMER.INFO.LATEST.*",
    "$JS.API.CONSUMER.DELETE.LATEST.*",
    "$JS.API.CONSUMER.MSG.NEXT.LATEST.*",
    "$JS.ACK.LATEST.>",
    "$JS.FC.LATEST.>",
  ];
}

/** What the KV and object store APIs of a NATS client ask of JetStream to list and read: nothing that changes any. */
function bucketRequests(stream: string): string[] {
  return [
    "$JS.API.INFO",
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.INFO.${stream}.*`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.ACK.${stream}.>`,
    `$JS.FC.${stream}.>`,
  ];
}
