import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder of the real data that some tests need, or null: `EASYNLP_TEST_DATA`, else `../shared/data` beside the repository. */
export function testData(): string | null {
  const path =
    process.env.EASYNLP_TEST_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
  return existsSync(path) ? path : null;
}
