/**
 * Services of the tenant's own, such as a customer file. An agent names a connector, never an address;
 * the host adds the credentials, which the agent never sees.
 * @module
 */

import host, { type Method } from "parloir:agent/connectors@0.1.0";
import { asked } from "./refusal.js";

export type { Method };

export interface RequestOptions {
  /** Names and values of the query, which the host encodes; pairs where a name stands twice. */
  query?: Record<string, string> | [string, string][];
  /** The body, which is sent as JSON; none by default. */
  json?: unknown;
}

/** What the service answered, whatever its status. */
export class Answer {
  constructor(
    /** The HTTP status. A redirect is one, and is not followed. */
    readonly status: number,
    /** The body, as text. */
    readonly body: string,
  ) {}

  /** Whether the service did what was asked: a status from 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** The body as JSON. What is none throws a `SyntaxError`, a bug like any other where it is not caught. */
  json(): unknown {
    return JSON.parse(this.body);
  }
}

/** The connectors that the line grants, by name. */
export function list(): string[] {
  return host.list();
}

/** Sends a request to what stands at `path` below the connector's address, and waits for its answer. */
export function send(method: Method, connector: string, path: string, options: RequestOptions = {}): Answer {
  const { query = [], json } = options;
  const pairs = Array.isArray(query) ? query : Object.entries(query);
  const body = json === undefined ? null : JSON.stringify(json);
  const { status, body: text } = asked(() => host.send({ connector, method, path, query: pairs, body }));
  return new Answer(status, text);
}

/** A `GET`, as {@link send}; it has no body. */
export const get = (connector: string, path: string, options?: Omit<RequestOptions, "json">): Answer =>
  send("get", connector, path, options);
/** A `POST`, as {@link send}. */
export const post = (connector: string, path: string, options?: RequestOptions): Answer =>
  send("post", connector, path, options);
/** A `PUT`, as {@link send}. */
export const put = (connector: string, path: string, options?: RequestOptions): Answer =>
  send("put", connector, path, options);
/** A `PATCH`, as {@link send}. */
export const patch = (connector: string, path: string, options?: RequestOptions): Answer =>
  send("patch", connector, path, options);
/** A `DELETE`, as {@link send}. */
export const remove = (connector: string, path: string, options?: RequestOptions): Answer =>
  send("delete", connector, path, options);
