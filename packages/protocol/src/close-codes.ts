/** Close codes of WebSockets (RFC 6455, 7.4.1), and what they mean here. */
export const CLOSE_CODES = {
  /** From a client: it will not connect again. A connection that ends in any other way may be replaced by another one. */
  done: 1000,
  /** From a coordinator that is shutting down. */
  goingAway: 1001,
  /** From a coordinator that has sent the reason as a message. */
  refused: 1008,
  /** From a client that gives up this connection and opens another one. From the private range. */
  again: 4000,
} as const;
