/**
 * Fuzzers: random requests against random faults, and a device that does whatever it likes.
 *
 * SEED and FUZZ_REQUESTS in the environment choose the first seed and how many requests are sent in
 * all. Every session has a seed of its own, which is printed with the last operations when it
 * fails; `SEED=n FUZZ_REQUESTS=1` runs that session alone, as it was.
 */
import { test } from "node:test";
import { HostileFuzzer } from "./hostile_fuzzer.js";
import { RequestFuzzer } from "./request_fuzzer.js";

const FIRST_SEED = Number(process.env["SEED"] ?? 1);
const REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 200_000);
const SESSION_REQUESTS = 2_000;

interface Session {
  readonly trace: readonly string[];
  run(count: number): void;
}

/** Runs sessions with consecutive seeds, until `requests` have been sent. */
function fuzz(requests: number, begin: (seed: number) => Session): void {
  for (let sent = 0, seed = FIRST_SEED; sent < requests; sent += SESSION_REQUESTS, seed++) {
    let session: Session | undefined;
    try {
      session = begin(seed);
      session.run(SESSION_REQUESTS);
    } catch (error) {
      const last = (session?.trace ?? []).join("\n  ");
      const again = `SEED=${seed} FUZZ_REQUESTS=1 runs it again`;
      throw new Error(`${String(error)}\n${again}; last operations:\n  ${last}`, { cause: error });
    }
  }
}

test(`fuzz: ${REQUESTS} random requests leave the disk as a byte array would be`, () => {
  fuzz(REQUESTS, (seed) => new RequestFuzzer(seed));
});

test(`fuzz: a hostile device neither traps nor hangs the driver, nor changes other memory`, () => {
  fuzz(REQUESTS / 4, (seed) => new HostileFuzzer(seed));
});
