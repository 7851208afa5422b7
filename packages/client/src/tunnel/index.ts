export { type Tunnel, openTunnel } from './tunnel';
