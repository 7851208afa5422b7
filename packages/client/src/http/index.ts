export { type Held, type HttpClient, httpClient } from './http-client';
