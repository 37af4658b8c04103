/** The last line of `linegate demo --json`. Design §5. */
export interface DemoSummary {
  readonly devices: number;
  readonly online: number;
  readonly readings: number;
  readonly badReadings: number;
  /** Received by the demo's own NATS subscriber on `data.>`. */
  readonly natsMessages: number;
  /** Writes answered with ok. */
  readonly writes: number;
  /** How often an alert was raised. */
  readonly alerts: number;
}
