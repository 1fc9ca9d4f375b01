/**
 * What the model says when a driver does what the specification forbids.
 *
 * A violation is thrown at the access that breaks the rule, so that the stack shows the culprit,
 * and recorded as well, so that the test sees it even if something between the device and the test
 * catches it.
 */

/** `rule` is the identifier in the checklist the model is written against, such as `STATUS-01`. */
export class ProtocolViolation extends Error {
  constructor(
    readonly rule: string,
    readonly what: string,
  ) {
    super(`${rule}: ${what}`);
    this.name = "ProtocolViolation";
  }
}

/** Judges one machine. Every part of the model that checks a rule holds the same referee. */
export class Referee {
  readonly violations: ProtocolViolation[] = [];

  /** The driver broke `rule`. Never returns. */
  forbid(rule: string, what: string): never {
    const violation = new ProtocolViolation(rule, what);
    this.violations.push(violation);
    throw violation;
  }

  require(isKept: boolean, rule: string, what: string): void {
    if (!isKept) this.forbid(rule, what);
  }
}
