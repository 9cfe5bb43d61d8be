import { appOf, getApp } from '../appzoo/registry.js';
import {
  DEFAULT_APP,
  DEFAULT_METHOD,
  parseConfig,
  type TrainConfig,
  type TrainOptions,
} from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { AutoConfig, longestText, resolveModelFolder } from '../modelzoo/index.js';
import { Tokenizer } from '../text/index.js';
import { openTables } from './labelled-rows.js';
import { getMethod, trainOptionsOf } from './method.js';

/**
 * Finds what is wrong with a training's options, data and prompt without doing it: where several trainings follow one
 * another, a mistake in the last must not wait for the others. Their own checks still come, each at its beginning.
 *
 * @returns columns that rows without labels need. Throws what `train()` would throw.
 */
export async function checkTraining(
  options: TrainOptions & Readonly<Record<string, unknown>>,
): Promise<readonly string[]> {
  const base = getApp(options.app ?? DEFAULT_APP);
  const method = getMethod(options.method ?? DEFAULT_METHOD, base.name);
  const config = parseConfig('train', options, trainOptionsOf(base, method)) as TrainConfig;
  const app = method.variant ? appOf({ app: base.name, method: method.name }) : base;
  const tables = await openTables(config);
  const spec = await app.prepare(config, tables.train);
  if (config.model !== undefined) {
    const folder = await resolveModelFolder(config.model);
    const positions = longestText(await AutoConfig.fromPretrained(folder));
    if (positions !== null && config.sequenceLength > positions) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'sequenceLength',
        expected: `at most ${positions}, the positions that the model ${config.model} has`,
        got: String(config.sequenceLength),
      });
    }
    // A row is enough to make the prompt, whose words the tokenizer may not know.
    const context = { spec, tokenizer: await Tokenizer.fromFolder(folder) };
    for (const table of [tables.train, tables.dev]) {
      if (table === null) continue;
      for await (const row of table.rows()) {
        await app.encode([row], context, { labels: true });
        break;
      }
    }
  }
  return app.inputs.columns(spec, { labels: false });
}
