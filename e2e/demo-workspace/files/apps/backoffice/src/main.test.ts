import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '#http';
import { backoffice } from './backoffice';

test('reports the month', async () => {
  const [status, report] = await answer(
    backoffice(),
    'GET /reports?from=2026-03-01&to=2026-03-31',
    undefined,
  );
  assert.equal(status, 200);
  assert.deepEqual(report, { orders: 2, revenue: '40.86 EUR', averageDaysToArrive: 2 });
});
