import { pino, type Logger } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/**
 * The gateway's log: one JSON object a line, to `destination` (a file descriptor; 1 is stdout, 2 stderr). Written at
 * once, so that the last line before a crash is there; normal operation is quiet enough for that.
 */
export function createLog(level: LogLevel, destination: 1 | 2 = 1): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // A secret has no business in a log; should one ever be handed to it, it stays out.
      redact: {
        paths: ["password", "passwordHash", "*.password", "*.passwordHash", "*.*.password"],
        censor: "(secret)",
      },
    },
    pino.destination({ fd: destination, sync: true }),
  );
}
