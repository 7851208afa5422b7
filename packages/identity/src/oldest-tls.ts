/**
 * The oldest TLS version that a client speaks: TLS 1.0 and 1.1 are broken (RFC 8996). Each client states it, because
 * `--tls-min-v1.0` in NODE_OPTIONS lowers Node's own minimum, and the variable reaches every process of a job.
 */
export const OLDEST_TLS = 'TLSv1.2' as const;
