export { type HttpClient, httpClient } from './http-client';
