/** What became of an action. */
export type ActionEnd =
  | { readonly end: "done" }
  /** Its device can't take it now; it is tried again, as long as the alert is as it was. */
  | { readonly end: "waits"; readonly device: string; readonly message: string }
  | { readonly end: "failed"; readonly message: string }
  /** The service ends, and it is gone on with after the restart; or nobody wants it any more. */
  | { readonly end: "left" };
