import {
  toGatewayError,
  type GatewayError,
  type AdapterContext,
  type Sample,
} from "../../src/adapter-kit/index.ts";
import { notJson, placeOf, statusFailure } from "./failures.ts";
import type { CameraResponse, HttpClient } from "./http-client.ts";
import { badSample, contentOf, samplesOf, type Content, type ResultTag } from "./result.ts";

/** What a request for a result came to. */
export interface Fetched {
  readonly samples: readonly Sample[];
  /** The result; undefined where there is none. */
  readonly content: Content | undefined;
  /** Why there is none. */
  readonly failure: GatewayError | undefined;
}

/** One URL of a camera where results are, with the tags that are parts of them. */
export class ResultDocument {
  readonly url: URL;
  readonly #client: HttpClient;
  readonly #context: AdapterContext;
  #etag: string | undefined;
  #body: Buffer | undefined;
  #content: Content | undefined;

  constructor(url: URL, client: HttpClient, context: AdapterContext) {
    this.url = url;
    this.#client = client;
    this.#context = context;
  }

  /**
   * Fetches the result. An answer that says that nothing changed (304, or the same bytes) gives the same samples anew: the
   * camera was asked, and this is what it holds. An answer that is no result gives bad samples and the reason. Rejects
   * where there was no answer at all, or one that tells the gateway to go away (401, 403).
   */
  async fetch(tags: readonly ResultTag[], signal: AbortSignal): Promise<Fetched> {
    let response: CameraResponse;
    try {
      response = await this.#client.request(this.url, { etag: this.#etag }, signal);
    } catch (caught) {
      const error = toGatewayError(caught);
      if (signal.aborted || error.context["status"] !== "PayloadTooLarge") throw caught;
      return this.#failed(tags, error, "PayloadTooLarge");
    }
    const failure = statusFailure(response.status, this.url, response.location);
    if (failure !== undefined) {
      if (response.status === 401 || response.status === 403) throw failure;
      return this.#failed(tags, failure, `Http${response.status}`);
    }
    const content = this.#contentOf(response);
    if (content.bad !== undefined) {
      return this.#failed(tags, notJson(placeOf(this.url), response.body), content.bad);
    }
    return { samples: this.#samples(tags, content), content, failure: undefined };
  }

  #contentOf({ status, etag, body }: CameraResponse): Content {
    const known = this.#content;
    if (known !== undefined && (status === 304 || this.#body?.equals(body) === true)) return known;
    const content = contentOf(body);
    this.#content = content.bad === undefined ? content : undefined;
    this.#body = content.bad === undefined ? body : undefined;
    this.#etag = content.bad === undefined ? etag : undefined;
    return content;
  }

  #failed(tags: readonly ResultTag[], failure: GatewayError, status: string): Fetched {
    this.#context.metrics.fault(status.toLowerCase());
    return { samples: tags.map(({ name }) => badSample(name, status)), content: undefined, failure };
  }

  #samples(tags: readonly ResultTag[], content: Content): Sample[] {
    const { clock, metrics } = this.#context;
    return samplesOf(tags, content, { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") });
  }
}
