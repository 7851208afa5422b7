export { FileRendezvous } from './file-rendezvous';
export { PacedRendezvous, type AgentRendezvous } from './paced';
export { generationKey, reporterKey } from './report-key';
export { StaticRendezvous } from './static-rendezvous';
