/** What an endpoint's address ends in behind host and port: `/line`, or nothing. */
export function endpointPath(endpoint: string): string {
  return /^opc\.tcp:\/\/[^/]+(\/.*?)?\/?$/.exec(endpoint)?.[1] ?? "";
}
