export { type HttpClient, httpClient } from './http-client';
export { type HttpClientOptions } from './sender';
