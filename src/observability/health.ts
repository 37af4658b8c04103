/** How one part stands, judged by what it did lately and not by whether it exists. */
export interface PartHealth {
  readonly ok: boolean;
  /** What an operator should know: what is wrong and since when, or nothing. */
  readonly detail?: string;
}

/** The answer of `/healthz`. A device that is away is told, but does not make the gateway unhealthy. */
export interface Health {
  readonly ok: boolean;
  readonly gateway: string;
  readonly upSeconds: number;
  readonly parts: Readonly<Record<string, PartHealth>>;
  readonly devices: Readonly<Record<string, string>>;
}
