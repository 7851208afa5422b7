'use strict';

// Signature version 4 as a server checks it, which s3rver does not do:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

const { createHash, createHmac } = require('node:crypto');

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** The fields of the Authorization header or of a presigned address; null for a request without a signature. */
function signatureOf({ headers, query }) {
  const [, credential, signed, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (credential !== undefined)
    return {
      credential,
      signed,
      signature,
      date: headers['x-amz-date'],
      payload: headers['x-amz-content-sha256'],
    };
  if (!query.has('X-Amz-Signature')) return null;
  return {
    credential: query.get('X-Amz-Credential'),
    signed: query.get('X-Amz-SignedHeaders'),
    signature: query.get('X-Amz-Signature'),
    date: query.get('X-Amz-Date'),
    payload: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  };
}

/** @returns {boolean} whether a request was signed with this secret key */
exports.isSigned = ({ method, url, headers }, secretKey) => {
  const [path, search = ''] = url.split('?');
  const found = signatureOf({ headers, query: new URLSearchParams(search) });
  if (found === null) return false;
  const [, day, region, service, end] = found.credential.split('/');
  const pairs = search
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`));
  const request = [
    method,
    path,
    pairs.sort().join('&'),
    ...found.signed.split(';').map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    found.signed,
    found.payload,
  ].join('\n');
  const scope = [day, region, service, end].join('/');
  const digest = createHash('sha256').update(request).digest('hex');
  const key = [day, region, service, end].reduce(hmac, `AWS4${secretKey}`);
  return (
    hmac(key, ['AWS4-HMAC-SHA256', found.date, scope, digest].join('\n')).toString('hex') === found.signature
  );
};
