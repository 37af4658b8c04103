import { Subject, type Observable } from "rxjs";

interface DeviceChange {
  readonly device: string;
  readonly state: { readonly state: string };
}

/** The devices of the gateway, as it told their states last. */
export class RemoteDevices {
  readonly #changes = new Subject<DeviceChange>();
  #states = new Map<string, string>();

  get changes$(): Observable<DeviceChange> {
    return this.#changes;
  }

  /** By name. */
  get states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#states);
  }

  isOnline(device: string): boolean {
    return this.#states.get(device) === "online";
  }

  /** All states by name; a device that is not named any more is gone. */
  take(states: Readonly<Record<string, unknown>>): void {
    const before = this.#states;
    this.#states = new Map(Object.entries(states).map(([device, state]) => [device, String(state)]));
    for (const [device, state] of this.#states) {
      if (before.get(device) !== state) this.#changes.next({ device, state: { state } });
    }
    for (const device of before.keys())
      if (!this.#states.has(device)) this.#changes.next({ device, state: { state: "stopped" } });
  }

  /** One device's, as it was published. */
  see(device: string, state: string): void {
    if (this.#states.get(device) === state) return;
    this.#states.set(device, state);
    this.#changes.next({ device, state: { state } });
  }
}
