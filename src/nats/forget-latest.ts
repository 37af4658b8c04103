import { GatewayError } from "../domain/errors.ts";
import type { NatsLink } from "./link.ts";

const withinMs = 3_000;

/**
 * Takes the last readings of tags that are gone out of LATEST, so that no late joiner finds them. Rejects with
 * UPLINK_UNAVAILABLE where the server did not do so.
 */
export async function forgetLatest(
  link: Pick<NatsLink, "request">,
  subjects: readonly string[],
): Promise<void> {
  for (const filter of subjects) {
    const answer = await link.request("$JS.API.STREAM.PURGE.LATEST", JSON.stringify({ filter }), withinMs);
    const { error } = JSON.parse(Buffer.from(answer).toString()) as { error?: { description?: string } };
    if (error !== undefined) {
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `${filter} could not be taken out of LATEST: ${error.description ?? "refused"}`,
      );
    }
  }
}
