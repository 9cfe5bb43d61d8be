import { describeParity } from '../shared/encoder-parity.fixture.js';

describeParity('megatron-bert');
