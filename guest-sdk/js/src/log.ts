/** Notes for the agent's developer, in the call's journal; over 2000 characters they are cut. @module */

import host, { type Level } from "parloir:agent/log@0.1.0";

export type { Level };

export function write(level: Level, message: string): void {
  host.write(level, message);
}

export const debug = (message: string): void => write("debug", message);
export const info = (message: string): void => write("info", message);
export const warn = (message: string): void => write("warn", message);
export const error = (message: string): void => write("error", message);
