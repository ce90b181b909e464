"""Attention, judged by torch in float64."""

import numpy as np
import torch
import torch.nn.functional as F

from corpus import Corpus, mb

c = Corpus("transformers")


def attention(q, k, v, mask=None):
    q, k, v = (torch.from_numpy(np.asarray(a)) for a in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, None if mask is None else torch.from_numpy(mask)).numpy()


def add(name, q, k, v, mask=None, **options):
    inputs = {"query": q, "key": k, "value": v}
    if mask is not None:
        inputs["mask"] = mask
        c.add(name, lambda query, key, value, mask: mb.scaled_dot_product_attention(
            query=query, key=key, value=value, attn_mask=mask), inputs, attention, by="torch", opsets=[18], **options)
    else:
        c.add(name, lambda query, key, value: mb.scaled_dot_product_attention(query=query, key=key, value=value), inputs,
              attention, by="torch", opsets=[18], **options)


Q, K, V = c.floats(1, 2, 3, 4), c.floats(1, 2, 5, 4), c.floats(1, 2, 5, 4)
add("attention_of_rank_four", Q, K, V, fp16=True)
add("attention_of_rank_three", Q[0], K[0], V[0])
add("attention_of_rank_five", Q[None], K[None], V[None])
add("attention_with_values_of_another_size", Q, K, c.floats(1, 2, 5, 3))
add("attention_with_a_float_mask", Q, K, V, c.floats(1, 2, 3, 5), fp16=True)
add("attention_with_a_mask_that_broadcasts", c.floats(2, 2, 3, 4), c.floats(2, 2, 5, 4), c.floats(2, 2, 5, 4), c.floats(3, 5))
CAUSAL = np.tril(np.ones((3, 3), bool))
add("attention_with_a_causal_mask", Q, K[:, :, :3], V[:, :, :3], CAUSAL)
add("attention_with_a_causal_mask_of_minus_infinity", Q, K[:, :, :3], V[:, :, :3],
    np.where(CAUSAL, 0, -np.inf).astype(np.float32))
add("attention_of_one_query", Q[:, :, :1], K, V)
add("attention_over_a_longer_sequence", c.floats(1, 1, 9, 8), c.floats(1, 1, 17, 8), c.floats(1, 1, 17, 8))
c.write()
