/** Where a server listens. Port 0 takes a free one from the operating system. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}
