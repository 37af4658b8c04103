import type { Metric } from "../../observability/exposition.ts";

/** What a stream did, counted from the start. */
export interface StreamCounters {
  rows: number;
  batches: number;
  bytes: number;
  /** Readings that came later than their rule allows. */
  late: number;
  /** Good readings whose value their rule has no use for. */
  unfit: number;
  /** Rows that there was no room for. */
  lost: number;
  /** Readings that went into coarser windows than their rule says, for want of room. */
  thinned: number;
  /** Readings of tags beyond the most that wildcards may make. */
  refused: number;
}

export function noUploads(): StreamCounters {
  return { rows: 0, batches: 0, bytes: 0, late: 0, unfit: 0, lost: 0, thinned: 0, refused: 0 };
}

const families: readonly (readonly [key: keyof StreamCounters, name: string, help: string])[] = [
  ["rows", "linegate_upload_rows_total", "Readings and windows put into batches."],
  ["batches", "linegate_upload_batches_total", "Batches closed and handed to the outbox."],
  ["bytes", "linegate_upload_bytes_total", "Bytes of those batches, compressed."],
  ["late", "linegate_upload_late_readings_total", "Readings that came too late for their window."],
  ["unfit", "linegate_upload_unfit_readings_total", "Good readings that their upload rule has no use for."],
  ["lost", "linegate_upload_lost_rows_total", "Rows that were dropped because the store took no batches."],
  [
    "thinned",
    "linegate_upload_thinned_readings_total",
    "Readings put into coarser windows than their rule says, because what waits takes too much room.",
  ],
  [
    "refused",
    "linegate_upload_refused_readings_total",
    "Readings that are not uploaded because wildcards have made too many tags.",
  ],
];

export function uploadMetrics(
  streams: Iterable<{ readonly name: string; readonly counters: StreamCounters; readonly waiting: number }>,
  tags: number,
): readonly Metric[] {
  const all = [...streams];
  return [
    ...families.map(([key, name, help]): Metric => {
      const samples = all.map((one) => [{ stream: one.name }, one.counters[key]] as const);
      return { name, help, type: "counter", samples };
    }),
    {
      name: "linegate_upload_waiting_rows",
      help: "Rows in batches that are not stored yet.",
      type: "gauge",
      samples: all.map(({ name, waiting }) => [{ stream: name }, waiting] as const),
    },
    { name: "linegate_upload_tags", help: "Tags that are uploaded.", type: "gauge", samples: [[{}, tags]] },
  ];
}
