/** Waits for all of them, whatever becomes of each, so that nothing is still under way; then throws the first failure. */
export async function allDone(work: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === "rejected") throw end.reason;
}
