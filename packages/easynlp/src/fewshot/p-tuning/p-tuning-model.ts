import { cat, nn, noGrad, type Tensor, tidy, where } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../../appzoo/app.js';
import { EasyNlpError } from '../../errors/index.js';
import type { MaskedLanguageModel } from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import { labelScores, PromptModel } from '../prompt/index.js';
import { type PromptEncoding, PromptVectors } from './prompt-vectors.js';

/** The table of word embeddings of a language model. */
export function wordEmbeddings(model: nn.Module): nn.Embedding {
  for (const [name, module] of model.namedModules()) {
    if (module instanceof nn.Embedding && /(^|\.)word_embeddings$/.test(name)) return module;
  }
  throw new EasyNlpError('MODEL_INPUT_INVALID', {
    model: model.constructor.name,
    reason: 'it has no word embeddings that vectors could be put among',
  });
}

/**
 * A masked language model whose pseudo tokens have vectors of their own. Evaluation reads the stored vectors, which are
 * brought up to date whenever training gives way to evaluation.
 */
export class PTuningModel extends PromptModel {
  readonly prompt: PromptVectors;
  #stale = true;

  constructor(backbone: MaskedLanguageModel, tokens: number, encoding: PromptEncoding) {
    super(backbone);
    const { weight } = wordEmbeddings(backbone);
    const range = backbone.config.initializer_range;
    this.prompt = new PromptVectors(
      tokens,
      weight.size(1),
      encoding,
      typeof range === 'number' ? range : 0.02,
    );
  }

  /** Takes over what a folder has of trained vectors. @returns whether it has them */
  loadPrompt(folder: string): boolean {
    return noGrad(() =>
      tidy(() => {
        const own = this.prompt.stateDict('prompt');
        const stored = readWeightFiles(folder);
        const fits = [...own].every(
          ([name, tensor]) => stored.get(name)?.shape.join() === tensor.shape.join(),
        );
        if (!fits) return false;
        for (const [name, tensor] of own) tensor.copy_(stored.get(name)!);
        this.#stale = false;
        return true;
      }),
    );
  }

  /** Brings the stored vectors up to date. */
  refresh(): void {
    if (this.#stale) this.prompt.refresh();
    this.#stale = false;
  }

  override train(mode = true): this {
    if (mode) this.#stale = true;
    else this.refresh();
    return super.train(mode);
  }

  protected override backboneInputs(inputs: ModelInputs): ModelInputs {
    const { inputIds, ...rest } = super.backboneInputs(inputs);
    const { pseudoIds } = inputs;
    return { ...rest, inputsEmbeds: this.embed(inputIds!, pseudoIds!) };
  }

  /** [S, T] → [S, T, H]: word embeddings, and prompt vectors where there are pseudo tokens. */
  private embed(inputIds: Tensor, pseudoIds: Tensor): Tensor {
    return tidy(() => {
      const words = wordEmbeddings(this.backbone).forward(inputIds);
      const vectors = this.training ? this.prompt.forward() : this.prompt.stored;
      // Number 0 is an ordinary token.
      const table = cat([vectors.narrow(0, 0, 1).mul(0), vectors]);
      const chosen = table.indexSelect(0, pseudoIds.reshape([-1])).reshape(words.shape);
      return where(pseudoIds.gt(0).unsqueeze(-1), chosen.to({ dtype: words.dtype }), words);
    });
  }

  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => ({ logits: labelScores(this.maskLogits(inputs), inputs) }));
  }
}
