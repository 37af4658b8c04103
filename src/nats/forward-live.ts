import { compileFilter, filterCovers } from "../domain/topic-filter.ts";
import { topicOfSubject } from "../domain/tag-path.ts";
import type { NatsLink } from "./link.ts";

/** The first levels of what is said live, and kept by nobody on the way. */
export const liveLevels = ["data", "state"] as const;

export interface ForwardLiveOptions {
  /** Topic filters, such as `data/plant1/line1/press-1/#`. */
  readonly filters: readonly string[];
  /** The gateway's place, such as `plant1/line1`: what others say on the same server is none of it. */
  readonly site: string;
  readonly local: Pick<NatsLink, "subscribe">;
  readonly hub: Pick<NatsLink, "publish">;
}

/**
 * Readings and states as they are said, for a hub that is reached as a client: a leaf brings what somebody there subscribes
 * to, a client does not know what that is. What can't be sent at once is dropped, and counted by the link.
 */
export class ForwardLive {
  readonly #options: ForwardLiveOptions;
  #sent = 0;

  constructor(options: ForwardLiveOptions) {
    this.#options = options;
  }

  get sent(): number {
    return this.#sent;
  }

  /** From now on, as long as the links last. */
  start(): void {
    const { site, filters, local, hub } = this.#options;
    for (const level of liveLevels) {
      const all = `${level}/${site}/#`;
      const own = filters.filter((filter) => filter.startsWith(`${level}/`));
      if (own.length === 0) continue;
      const isWanted = own.some((filter) => filterCovers(filter, all)) ? () => true : anyOf(own);
      local.subscribe(`${level}.${site.replaceAll("/", ".")}.>`, ({ subject, data }) => {
        if (isWanted(subject) && hub.publish(subject, data)) this.#sent += 1;
      });
    }
  }
}

/** Whether the topic of a subject matches any of the filters: several of them are no reason to send it twice. */
function anyOf(filters: readonly string[]): (subject: string) => boolean {
  const tests = filters.map(compileFilter);
  return (subject) => {
    const topic = topicOfSubject(subject);
    return tests.some((matches) => matches(topic));
  };
}
