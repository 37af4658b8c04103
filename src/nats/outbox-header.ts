/** The header in which the outbox says a message's number: it grows by one with each message of the gateway. */
export const numberHeader = "Linegate-Number";
