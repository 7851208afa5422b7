import { expect, test } from '@jest/globals';
import { app } from './support/app';

const request = app('backoffice');

test.each(['Oolong', 'Rooibos', 'Earl Grey', 'Matcha', 'Sencha', 'Assam'])(
  'lists %s after it was added',
  async (name) => {
    expect((await request('POST /products', { name, cents: 900, grams: 100 })).json.name).toBe(name);
    expect((await request('GET /products')).json.at(-1).name).toBe(name);
  },
);

test('adds nothing twice', async () => {
  expect((await request('POST /products', { name: 'black TEA', cents: 1, grams: 1 })).status).toBe(500);
});
