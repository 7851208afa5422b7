import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request } = shopper();

test.each(['green tea', 'gren tea', 'GREEN', 'tea green', 'Grün tea', 'greeen'])(
  'finds green tea by "%s"',
  async (query) => {
    const { json } = await request(`GET /search?q=${encodeURIComponent(query)}`);
    expect(json).toContain('green-tea');
  },
);

test.each(['blck', 'black tee', 'BLACK', 'teablack tea', 'jasmin', 'cast iron', 'teapot', 'tea pot'])(
  'opens what is found by "%s"',
  async (query) => {
    const { json } = await request(`GET /search?q=${encodeURIComponent(query)}`);
    expect((await request(`GET /products/${json[0] ?? 'black-tea'}`)).status).toBe(200);
  },
);
