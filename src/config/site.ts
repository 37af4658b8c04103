import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import type { AlertsConfig } from "./alerts.ts";
import type { GatewayConfig } from "./gateway-schema.ts";
import type { LedgersConfig } from "./ledger.ts";
import type { LineConfig } from "./line.ts";
import type { UploadConfig } from "./upload.ts";

/** A site folder, checked, defaults filled in. Plain data that can be cloned across a process boundary. */
export interface Site {
  /** The folder, absolute. Relative paths of the configuration start here. */
  readonly dir: string;
  readonly gateway: GatewayConfig;
  readonly devices: readonly DeviceMapping[];
  /** Absent where there is no ledger.yaml. */
  readonly ledgers?: LedgersConfig;
  /** Absent where there is no line.yaml. */
  readonly line?: LineConfig;
  /** Absent where there is no alerts.yaml. */
  readonly alerts?: AlertsConfig;
  /** What is uploaded; absent where nothing is. */
  readonly upload?: UploadConfig;
  /** Every file that was looked for, absolute, those that are not there too: what a reload watches. */
  readonly files: readonly string[];
}

/** One mistake in a site folder. */
export interface ConfigIssue {
  /** Relative to the site folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** The key, such as `tags.ram/pressure.order`. */
  readonly path: string;
  /** What is wrong. */
  readonly message: string;
  /** What is allowed. */
  readonly allowed?: string;
  /** The nearest name that was perhaps meant. */
  readonly meant?: string;
}

/** What loading a folder gives: a site, or every mistake in it at once. */
export type LoadedSite =
  | { readonly ok: true; readonly site: Site }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[]; readonly files: readonly string[] };
