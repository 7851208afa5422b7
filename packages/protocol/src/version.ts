/**
 * Version of everything said between a coordinator, its agents and its main jobs.
 * Raised whenever a message changes in a way the other side would misread; both sides refuse a
 * different version in the handshake (`DTE_PROTOCOL_VERSION`), because the two come from one lockfile
 * and a difference means that one of them runs other code than the commit says.
 */
export const PROTOCOL_VERSION = 1;
