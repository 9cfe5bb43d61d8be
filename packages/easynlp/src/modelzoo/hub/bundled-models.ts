import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';

/** The package that the models of this project come in. */
const PACKAGE = '@easynlp/models-zh';

/** Names of the models that come with the toolkit and need no network. */
export const BUNDLED_MODELS: readonly string[] = ['bert-tiny-zh', 'bert-small-zh'];

const require = createRequire(import.meta.url);

/**
 * The folder of a model that comes with the toolkit, given as `bert-tiny-zh` or `easynlp/bert-tiny-zh`; undefined for
 * other names.
 *
 * @param resolvePackage finds a file of an installed package; replaced in tests
 * @throws EasyNlpError HUB_BUNDLED_MISSING when the name is one of these models and their package is not installed
 */
export function bundledModelFolder(
  name: string,
  resolvePackage: (specifier: string) => string = require.resolve,
): string | undefined {
  const bare = name.replace(/^easynlp\//, '');
  if (!BUNDLED_MODELS.includes(bare)) return undefined;
  try {
    return join(dirname(resolvePackage(`${PACKAGE}/package.json`)), bare);
  } catch (cause) {
    throw new EasyNlpError('HUB_BUNDLED_MISSING', { name, package: PACKAGE }, { cause });
  }
}
