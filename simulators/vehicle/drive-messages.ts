/** What the compute nodes tell each other, as JSON. */

/** On `drive.objects`: what perception sees in one frame. */
export interface ObjectsSeen {
  /** Of this run, from 1. */
  readonly frame: number;
  /** m ahead, and m/s towards the vehicle, the nearest first. */
  readonly objects: readonly { readonly distance: number; readonly closing: number }[];
}

/** On `drive.plan`: how fast to go after that frame. */
export interface Plan {
  readonly frame: number;
  /** km/h. */
  readonly setpoint: number;
}

/** On `drive.status`: that the frame has come round. */
export interface DriveStatus {
  readonly frame: number;
  readonly setpoint: number;
  /** What became of the last write of the setpoint; null before the first. */
  readonly written: { readonly ok: boolean; readonly message?: string } | null;
}

export const driveSubjects = {
  objects: "drive.objects",
  plan: "drive.plan",
  status: "drive.status",
} as const;
