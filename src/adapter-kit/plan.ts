/** One request of a plan, in words an operator can check against the device's manual. */
export interface PlannedRequest {
  /** Such as `FC 3 read holding registers 40..57`. */
  readonly text: string;
  readonly tags: readonly string[];
  /** Reckoned time on the bus, in ms. */
  readonly costMs: number;
}

/** The requests of one poll group of one device. */
export interface GroupPlan {
  readonly group: string;
  readonly intervalMs: number;
  readonly requests: readonly PlannedRequest[];
}

export interface DevicePlan {
  readonly device: string;
  readonly groups: readonly GroupPlan[];
}

/** Everything that shares one connection. */
export interface BusPlan {
  /** Such as `tcp 127.0.0.1:1502`. */
  readonly bus: string;
  readonly devices: readonly DevicePlan[];
  /** Reckoned share of the time that the bus is busy; above 1 not all poll rates can be met. */
  readonly load: number;
  /** How many requests go out on average where all rates are met: groups that are due together share some. */
  readonly requestsPerSecond: number;
  /** Reckoned time in ms for one round of every request of the bus. */
  readonly cycleMs: number;
  /** The longest that a write or an event tag waits for other traffic, in ms; absent where there is no such bound. */
  readonly worstWait?: {
    /** Behind a request that is answered. */
    readonly answeredMs: number;
    /** Behind a request to a unit that is silent. */
    readonly unansweredMs: number;
  };
  /** Which poll rates can't be met, and why. */
  readonly warnings: readonly string[];
}
