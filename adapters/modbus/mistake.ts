/** What is wrong with a text of a mapping file, in the words of the operator who wrote it. */
export interface Mistake {
  /** What is wrong. */
  readonly message: string;
  /** What would be right. */
  readonly allowed?: string;
  /** The nearest that was perhaps meant. */
  readonly meant?: string;
}

/** Tells what a parser made of a text from the mistake that it found instead. */
export function isMistake(parsed: unknown): parsed is Mistake {
  return typeof parsed === "object" && parsed !== null && "message" in parsed;
}

/** A mistake; `meant` is left out where there is none. */
export function mistake(message: string, allowed: string, meant?: string): Mistake {
  return meant === undefined ? { message, allowed } : { message, allowed, meant };
}
