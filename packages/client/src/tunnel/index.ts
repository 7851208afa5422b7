export { openTunnel } from './tunnel';
