/** The header in which the outbox says a message's number: it grows by one with each message of the gateway. */
export const numberHeader = "Linegate-Number";

/** The first number of the epoch, on messages of an epoch that did not begin with 1. */
export const firstHeader = "Linegate-First";
