/**
 * Version of all messages between a coordinator, its agents and its main jobs. Increased whenever the other side would
 * misread a changed message. Both sides reject another version in the handshake (`DTE_PROTOCOL_VERSION`): both are
 * installed from one lockfile, so a difference means that one of them runs other code than the commit contains.
 */
export const PROTOCOL_VERSION = 1;
