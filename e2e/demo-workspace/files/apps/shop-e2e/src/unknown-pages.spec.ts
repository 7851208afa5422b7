import { expect, test } from '@jest/globals';
import { app } from './support/app';

const request = app('backoffice');

test.each(['/', '/orders', '/orders/2026-1', '/carts/1', '/search?q=tea', '/products/black-tea'])(
  '%s is not for the back office, but the list is',
  async (path) => {
    expect((await request(`GET ${path}`)).status).toBe(404);
    expect((await request('GET /products')).status).toBe(200);
    expect((await request('GET /reports?from=2026-03-01&to=2026-03-31')).status).toBe(200);
  },
);
