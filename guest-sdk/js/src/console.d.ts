/** What of a console there is: each writes a note to the call's journal, as `log` does. */
interface Console {
  debug(...data: unknown[]): void;
  trace(...data: unknown[]): void;
  /** A note at `info`. */
  log(...data: unknown[]): void;
  info(...data: unknown[]): void;
  warn(...data: unknown[]): void;
  error(...data: unknown[]): void;
}

declare var console: Console;
