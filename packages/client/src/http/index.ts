export { type HttpClient, type HttpClientOptions, httpClient } from './http-client';
