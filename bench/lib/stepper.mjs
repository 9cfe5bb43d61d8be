import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { threads } from './report.mjs';

/** A program that makes one training step for every line it reads, and answers each with a line of JSON. */
export class Stepper {
  #child;
  #lines;
  #exit;

  constructor(program, args) {
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      // waiting threads sleep: spinning ones would count as work, and steal from the other side
      env: { ...process.env, OMP_NUM_THREADS: String(threads), OMP_WAIT_POLICY: 'passive' },
    });
    this.#exit = new Promise((done) => this.#child.on('close', done));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Seconds that the step took, and those of the processor, measured inside the program. */
  async step() {
    this.#child.stdin.write('\n');
    return this.#answer();
  }

  /** Ends the program; what it tells of the whole run. */
  async end() {
    this.#child.stdin.end();
    const result = await this.#answer();
    await this.#exit;
    return result;
  }

  async #answer() {
    const { value, done } = await this.#lines.next();
    if (done)
      throw new Error(`${this.#child.spawnargs.slice(0, 3).join(' ')} ended early (${await this.#exit})`);
    return JSON.parse(value);
  }
}
