import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

export const TWO_TOWER_LOSSES = [
  'cosent',
  'infonce',
  'circle',
  'contrastive',
  'hinge',
  'cosine',
  'mse',
] as const;
export type TwoTowerLoss = (typeof TWO_TOWER_LOSSES)[number];

/** What each loss can be tuned with, and where it begins. */
export const LOSS_SETTINGS: Readonly<
  Record<TwoTowerLoss, Readonly<Partial<Record<'margin' | 'gamma' | 'scale' | 'temperature', number>>>>
> = {
  cosent: { scale: 20 },
  infonce: { temperature: 0.05 },
  circle: { margin: 0.25, gamma: 32 },
  contrastive: { margin: 0.5 },
  hinge: { margin: 0.3 },
  cosine: { margin: 0.3 },
  mse: {},
};

const strength = () => z.number().positive().optional();

/** Options of text_match_two_tower beside the common ones. */
export const twoTowerOptions = z.strictObject({
  loss: option(z.enum(TWO_TOWER_LOSSES).default('cosent'), {
    description: 'what is minimized; docs/text-match.md says which fits what',
    group: 'App',
    easynlp: 'loss_type (user_defined_parameters)',
  }),
  gold: option(z.enum(['classes', 'scores', 'none']).default('classes'), {
    description:
      'what the label column holds: two classes (the second one = match), scores, or none = there is no such column, all pairs match (infonce)',
    group: 'App',
  }),
  siamese: option(z.boolean().default(false), {
    description: 'rows are single texts with classes: texts of one class match, those of two do not',
    group: 'App',
    easynlp: 'siamese (user_defined_parameters)',
  }),
  negativeSequence: option(z.string().min(1).optional(), {
    description: 'infonce: column of a third text that does not match the first one',
    group: 'App',
    value: 'column',
  }),
  encoders: option(z.enum(['shared', 'separate']).default('shared'), {
    description: 'one encoder for both texts, or one each (both begin with the same weights)',
    group: 'App',
  }),
  pooling: option(z.enum(['mean', 'first', 'pooler']).default('mean'), {
    description: 'vector of a text: mean of its tokens, its first token, or the pooler over that',
    group: 'App',
  }),
  vectorSize: option(z.int().positive().optional(), {
    description: 'width of the vectors, by a linear layer; unset = the width of the encoder',
    group: 'App',
    easynlp: 'embedding_size (user_defined_parameters)',
  }),
  margin: option(z.number().min(-1).max(2).optional(), {
    description:
      'hinge (unset = 0.3) and contrastive (0.5): cosine distance that texts apart shall have; cosine (0.3): similarity that they may have; circle (0.25): relaxation',
    group: 'App',
    easynlp: 'margin (user_defined_parameters)',
  }),
  gamma: option(strength(), {
    description: 'circle: scale of the similarities; unset = 32',
    group: 'App',
    easynlp: 'gamma (user_defined_parameters)',
  }),
  scale: option(strength(), { description: 'cosent: the same; unset = 20', group: 'App' }),
  temperature: option(strength(), {
    description: 'infonce: divides the similarities; unset = 0.05',
    group: 'App',
  }),
});

export type TwoTowerOptions = z.output<typeof twoTowerOptions>;
/** What `train()` takes for this task. */
export type TwoTowerTrainOptions = TrainOptions & z.input<typeof twoTowerOptions>;
