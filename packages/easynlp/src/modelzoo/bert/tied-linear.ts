import { nn, type Tensor } from '@easynlp/torch';

/** A linear layer over parameters that belong to somebody else. */
export class TiedLinear extends nn.Module {
  constructor(
    readonly weight: nn.Parameter,
    readonly bias: nn.Parameter,
  ) {
    super();
  }

  override lowPrecisionFields(): readonly nn.LowPrecisionField[] {
    return [
      { field: 'weight', of: [this.weight] },
      { field: 'bias', of: [this.bias] },
    ];
  }

  forward(x: Tensor): Tensor {
    return nn.functional.linear(x, this.weight, this.bias);
  }
}
