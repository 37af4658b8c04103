const segmentPattern = /^[A-Za-z0-9_-]+$/;

/** What a segment may hold, in the words of an error message. Design §3. */
export const segmentForm = "letters, digits, _ and -";

/** True for one level of a topic that is also one token of a subject, unescaped. */
export function isSegment(text: string): boolean {
  return segmentPattern.test(text);
}

/** True for one or more segments joined by `/`, such as `plant1/line1` or `ram/pressure`. */
export function isPath(text: string): boolean {
  return text.split("/").every(isSegment);
}

/** The first levels that Linegate itself owns on both sides. Design §3. */
export const prefixes = ["data", "state", "cmd", "alert", "line", "event", "audit"] as const;

export type Prefix = (typeof prefixes)[number];

/** True for a first level that is the gateway's own. */
export function isPrefix(level: string): level is Prefix {
  return (prefixes as readonly string[]).includes(level);
}

/**
 * A name on the wire, rendered for both sides once: MQTT levels with `/`, NATS tokens with `.` (design §3).
 * The parts are paths already known to be made of segments, so the two names are one to one.
 */
export class TagPath {
  /** The MQTT topic, such as `data/plant1/line1/press-1/ram/pressure`. */
  readonly topic: string;
  /** The NATS subject, such as `data.plant1.line1.press-1.ram.pressure`. */
  readonly subject: string;

  constructor(prefix: Prefix, ...parts: readonly string[]) {
    this.topic = [prefix, ...parts].join("/");
    this.subject = this.topic.replaceAll("/", ".");
  }
}

/** The MQTT topic of a NATS subject that was made from one. */
export function topicOfSubject(subject: string): string {
  return subject.replaceAll(".", "/");
}

/** An MQTT topic filter (`+`, `#`) as the NATS subject pattern (`*`, `>`) that matches the same names. */
export function subjectOfFilter(filter: string): string {
  return filter
    .split("/")
    .map((level) => (level === "+" ? "*" : level === "#" ? ">" : level))
    .join(".");
}
