import { keep, type Tensor, tensor, tidy } from '@easynlp/torch';
import type { AppContext, ModelInputs } from '../../appzoo/app.js';
import { type Runtime, uploadBatch } from '../../appzoo/runtime.js';
import type { TrainConfig } from '../../config/index.js';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import { Rng } from '../../util/index.js';
import { maskedTokenLoss, maskTokens } from '../cp-tuning/token-masking.js';
import {
  collatePrompted,
  encodePrompted,
  type PromptedRow,
  type PromptModel,
  type PromptSpec,
} from '../prompt/index.js';
import { openUnlabelled } from './ensemble/stage-data.js';

/** Rows without labels for each labelled one, as in the paper's experiments (§4). */
const PER_LABELLED = 3;
/** Share of the tokens that are hidden, as in BERT's pre-training. */
const RATE = 0.15;
/** More rows than few-shot training ever sees; beyond them reading costs more than it gives. */
const MOST_ROWS = 50_000;

/** Rows of files without labels, in the prompt. */
export async function readUnlabelled(
  files: readonly string[],
  config: TrainConfig,
  context: AppContext<PromptSpec>,
): Promise<PromptedRow[]> {
  const encoded: PromptedRow[] = [];
  for (const path of files) {
    const source = await openUnlabelled(path, config);
    const rows: Row[] = [];
    for await (const row of source.rows()) {
      rows.push(row);
      if (encoded.length + rows.length >= MOST_ROWS) break;
    }
    encoded.push(...(await encodePrompted(rows, context, { labels: false })));
    if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: path });
  }
  return encoded;
}

/**
 * L_MLM of PET §3.2 (auxiliary language modelling): tokens of prompted texts are hidden and found again, so that the
 * model does not forget its language. The label's [MASK] stays and has no part in it. Texts are those of unlabelled
 * rows, or, where there are none, of the batch itself.
 */
export class AuxiliaryMlm {
  readonly #special: Tensor;
  readonly #replacements: Tensor;
  readonly #maskId: number;
  #step = 0;
  #draw = 0;

  constructor(
    private readonly unlabelled: readonly PromptedRow[],
    private readonly parts: { tokenizer: Tokenizer; runtime: Runtime; seed: number; vocabSize: number },
  ) {
    const { tokenizer, runtime } = parts;
    const { padId, unkId, clsId, sepId, maskId } = tokenizer;
    const special = [padId, unkId, clsId, sepId, maskId];
    const others = Array.from({ length: parts.vocabSize }, (_, id) => id).filter(
      (id) => !special.includes(id),
    );
    const { device } = runtime;
    this.#maskId = maskId;
    this.#special = keep(tensor(special, { dtype: 'int64', device }));
    this.#replacements = keep(tensor(others, { dtype: 'int64', device }));
  }

  /** What is drawn depends on the seed and the step alone, so that a resumed training goes on as it would have. */
  beforeStep(step: number): void {
    this.#step = step;
    this.#draw = 0;
  }

  /** @param inputs the labelled batch */
  loss(model: PromptModel, inputs: ModelInputs): Tensor {
    return tidy(() => {
      const batch = this.unlabelled.length === 0 ? inputs : this.#next(inputs.maskRows!.size(0));
      const ids = batch.inputIds!;
      const candidates = ids
        .unsqueeze(-1)
        .eq(this.#special)
        .sum({ dim: [-1] })
        .eq(0);
      const masked = maskTokens(ids, candidates, {
        rate: RATE,
        maskId: this.#maskId,
        replacements: this.#replacements,
      });
      const logits = model.tokenLogits({ ...batch, inputIds: masked.inputIds }, masked.positions);
      return maskedTokenLoss(logits, masked.labels);
    });
  }

  #next(labelled: number): ModelInputs {
    const rng = Rng.derive(this.parts.seed, 'auxiliary-mlm', this.#step, this.#draw++);
    const rows = Array.from(
      { length: Math.min(this.unlabelled.length, PER_LABELLED * labelled) },
      () => this.unlabelled[rng.int(this.unlabelled.length)]!,
    );
    return uploadBatch(collatePrompted(rows, this.parts), this.parts.runtime.device);
  }

  dispose(): void {
    this.#special.dispose();
    this.#replacements.dispose();
  }
}
