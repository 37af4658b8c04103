/** What stands at the start of some bytes that came over a line. */
export type Decoded =
  | {
      readonly kind: "frame";
      /** Unit id and PDU. */
      readonly adu: Buffer;
      /** Bytes up to the frame's end, noise before it included. */
      readonly length: number;
    }
  /** A frame may have begun. */
  | { readonly kind: "more" }
  /** No frame. */
  | {
      readonly kind: "broken";
      /** What is wrong. */
      readonly what: string;
      /** Bytes to pass over where this is mere noise. */
      readonly length: number;
      /** Unit id and function code where it looks like a frame. */
      readonly head?: Buffer;
    };

/** How frames stand on a line without MBAP headers. Pure functions. */
export interface LineFraming {
  /** Unit id and PDU as they go over the line. */
  encode(adu: Buffer): Buffer;
  /** Looks for an answer at the start of the bytes. */
  decode(bytes: Buffer): Decoded;
}
