/** A Python tuple, kept apart from lists because arguments and persistent ids must be tuples. */
export class PickleTuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** An entry of the allow-list: a name, and what calling it does. Without `call` it is only a name. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly call?: (args: readonly unknown[]) => unknown,
  ) {}
}

/** Raised while reading a pickle; `refused` names what the allow-list does not have. */
export class PickleError extends Error {
  constructor(
    message: string,
    readonly position: number,
    readonly refused?: string,
  ) {
    super(message);
  }
}
