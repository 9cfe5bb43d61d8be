import { EasyNlpError } from '../../../errors/index.js';
import type { Method } from '../../../trainer/method.js';
import type { TrainRunOptions } from '../../../trainer/train.js';
import { Ensemble, type Train } from './ensemble.js';
import { type PetEnsembleConfig, petEnsembleOptions } from './options.js';

/**
 * The whole of pattern-exploiting training, arXiv 2001.07676 §3: (1) a model for each pattern, (2) together they give
 * unlabelled rows soft labels, (3) a plain classifier learns from these. With `generations`, iPET (§3.4) comes between
 * (1) and (2). Every model stays in `stages/`, usable alone.
 */
export const petEnsemble: Method = {
  name: 'pet_ensemble',
  description:
    'few rows and many without labels: a PET model for each of several patterns, and a classifier that learns from all',
  apps: ['text_classify', 'text_match'],
  options: petEnsembleOptions,
  async run(config, run: TrainRunOptions, train) {
    const given = config as PetEnsembleConfig;
    if (given.unlabelled.length === 0) {
      throw new EasyNlpError('CONFIG_MISSING_VALUE', {
        key: 'unlabelled',
        expected: 'a file of rows without labels, from which the last classifier learns',
        hint: 'Without such rows use --method pet.',
      });
    }
    return new Ensemble(given, run, train as Train).train();
  },
};
