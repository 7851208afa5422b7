export { simulateSeed } from './simulate';
