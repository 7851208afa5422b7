export { readCheckout, type Checkout } from './checkout';
export { readRuntimeValues } from './runtime-values';
