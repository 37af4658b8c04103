import { formatDuration, type Duration } from "../../domain/duration.ts";
import type { OutgoingMessage } from "../../store/state-store.ts";
import { rowsOf, spanOf, type Batch, type BatchSeries } from "./batch.ts";
import type { Breathe } from "./breath.ts";
import { packBatch } from "./pack.ts";

/** What a message of NATS may hold at most is 1 MiB by default, headers included. */
const mostBytes = 900_000;

export const batchContentType = "application/vnd.linegate.batch";

/** A batch as it is sent; more than one where its rows do not fit into a message. Numbers go on from `batch.batch`. */
export async function batchMessages(
  batch: Batch,
  breathe: Breathe,
  thinnedTo?: Duration,
): Promise<readonly OutgoingMessage[]> {
  const payload = await packBatch(batch, breathe);
  if (payload.length <= mostBytes || rowsOf(batch.series) < 2) return [message(batch, payload, thinnedTo)];
  const [first, second] = halves(batch.series);
  const before = await batchMessages({ ...batch, series: first }, breathe, thinnedTo);
  const next = batch.batch + before.length;
  return [...before, ...(await batchMessages({ ...batch, batch: next, series: second }, breathe, thinnedTo))];
}

function message(batch: Batch, payload: Buffer, thinnedTo: Duration | undefined): OutgoingMessage {
  const { gateway, epoch, stream, series } = batch;
  const { from, to } = spanOf(series);
  return {
    stream: "BATCHES",
    // Its number is given again after a kill that it was not stored before: by then nobody may have it. Where it is given again
    // because the file was rolled back, it is another batch, and the outbox's own id says so: the run stands in it.
    whenStored: true,
    subject: `batch.${gateway}.${stream}`,
    payload,
    headers: {
      "Linegate-Gateway": gateway,
      "Linegate-Epoch": epoch,
      "Linegate-Stream": stream,
      "Linegate-Batch": String(batch.batch),
      "Linegate-Count": String(rowsOf(series)),
      "Linegate-From": String(from),
      "Linegate-To": String(to),
      ...(thinnedTo === undefined ? {} : { "Linegate-Thinned": formatDuration(thinnedTo) }),
      "Content-Type": batchContentType,
      "Content-Encoding": "zstd",
    },
  };
}

/** By series, or where there is one, by its rows. */
function halves(series: readonly BatchSeries[]): readonly [readonly BatchSeries[], readonly BatchSeries[]] {
  const [only] = series;
  const middle = Math.ceil(series.length / 2);
  if (series.length !== 1 || only === undefined) return [series.slice(0, middle), series.slice(middle)];
  const half = Math.ceil(only.times.length / 2);
  return [[part(only, 0, half)], [part(only, half)]];
}

function part(series: BatchSeries, from: number, to?: number): BatchSeries {
  const { times, sequences, qualities, statuses, columns } = series;
  return {
    ...series,
    times: times.slice(from, to),
    ...(sequences === undefined ? {} : { sequences: sequences.slice(from, to) }),
    qualities: qualities.slice(from, to),
    statuses: statuses.slice(from, to),
    columns: columns.map(({ name, values }) => ({ name, values: values.slice(from, to) })),
  };
}
