/** Thrown if a workspace or a command cannot be compared; the message is for its user. */
export class CannotTry extends Error {}
