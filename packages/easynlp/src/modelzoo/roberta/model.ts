import { arange, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { BertModel } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { type RobertaConfig, robertaPositions } from './config.js';

/**
 * RoBERTa, Liu et al. 2019 (arXiv 1907.11692): BERT's network, whose positions are counted over the tokens that are no
 * padding, from padding_idx + 1 on.
 *
 * @example
 * const model = new RobertaModel(robertaConfig({ num_hidden_layers: 2 })).eval();
 * model.forward({ inputIds: tensor([[0, 31414, 232, 2]], { dtype: 'int64' }) }).lastHiddenState.shape; // [1, 4, 768]
 */
export class RobertaModel extends BertModel<RobertaConfig> {
  override forward(inputs: EncoderInputs, options: EncoderOptions = {}): EncoderOutput {
    if (inputs.positionIds || (!inputs.inputIds && !inputs.inputsEmbeds))
      return super.forward(inputs, options);
    return tidy(() => super.forward({ ...inputs, positionIds: this.count(inputs) }, options));
  }

  /** [B, T], or [1, T] where there are embeddings only and padding cannot be told. */
  private count({ inputIds, inputsEmbeds }: EncoderInputs): Tensor {
    const padding = this.config.pad_token_id;
    return noGrad(() =>
      tidy(() => {
        if (!inputIds) {
          const { device, shape } = inputsEmbeds!;
          return arange(shape[1]!, { dtype: 'int64', device })
            .add(padding + 1)
            .unsqueeze(0);
        }
        const real = inputIds.ne(padding).to({ dtype: 'int64' });
        return real.cumsum(1).mul(real).add(padding);
      }),
    );
  }

  protected override get positions(): number {
    return robertaPositions(this.config);
  }
}
