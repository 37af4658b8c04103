/** What became of an action. */
export type ActionEnd =
  | { readonly end: "done" }
  /** Its device is away; it is done when that is back, if the alert is then still as it was. */
  | { readonly end: "waits"; readonly device: string; readonly message: string }
  | { readonly end: "failed"; readonly message: string }
  /** The service ends; it is gone on with after the restart. */
  | { readonly end: "left" };
