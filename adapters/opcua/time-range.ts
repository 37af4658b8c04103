/** What a DateTime holds, in ms since the Unix epoch: from 1601 to the end of 9999 (OPC UA Part 6 §5.2.2.5). */
export const earliestTime = Date.UTC(1601, 0, 1);
/** Anything from here on is sent as the largest value, and means just that: the end of time. */
export const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59);
export const beyondTime = Date.UTC(10_000, 0, 1);
