/** Beyond that a failure is one of many, and told no more. */
const mostTold = 100;

/**
 * While it lasts, what fails outside of any call, such as in a library's own callback, is told once and ends nothing.
 * For the simulators alone, where one device's failure must not end the others.
 */
export function toldFailures(tell: (line: string) => void): Disposable {
  const told = new Set<string>();
  const onFailure = (cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    if (told.has(message) || told.size >= mostTold) return;
    told.add(message);
    tell(`A simulated device failed, the others go on: ${message}`);
  };
  // A rejection that nobody waits for comes here too.
  process.on("uncaughtException", onFailure);
  return { [Symbol.dispose]: () => void process.off("uncaughtException", onFailure) };
}
