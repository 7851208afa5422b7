export { launchChromium } from './chromium';
export { sampleSession } from './sample-session';
