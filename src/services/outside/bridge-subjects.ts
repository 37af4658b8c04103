/** A service that can run as a process of its own. */
export type OutsideService = "scheduling" | "alerting";

/** The subjects on which such a service and its gateway talk, beside those that everybody may hear: nobody else's rights reach them. */
export interface BridgeSubjects {
  /** Asked once a second: the answer is each device's state by name, and a sign of life. */
  readonly states: string;
  /** `{"topic","payload"}` to go out on the gateway's MQTT broker; answered when it is. */
  readonly mqtt: string;
  /** `{"kind","entry"}` for the audit; answered when it is recorded. */
  readonly audit: string;
  /** `{"tag","value","why"?,"expiresInMs"?}`, answered as a request on `cmd.…` is: a write that the service's files call for. */
  readonly write: string;
}

export function bridgeSubjects(gateway: string, service: OutsideService): BridgeSubjects {
  const prefix = `bridge.${gateway}.${service}`;
  return {
    states: `${prefix}.states`,
    mqtt: `${prefix}.mqtt`,
    audit: `${prefix}.audit`,
    write: `${prefix}.write`,
  };
}
