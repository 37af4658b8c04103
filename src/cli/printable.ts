/**
 * Text on one line, and nothing in it that a terminal would obey: values, names and messages are whatever a device or somebody
 * else sent. What can't be shown is shown as U+FFFD.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
