"""PyTorch float32 matrix products on the shapes of bench_gemm: float_gemm.py [tokens [threads]]."""
import json
import sys
import time

import torch

tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 512
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else torch.get_num_threads())
sequences = max(1, tokens // 128)
SHAPES = [
    ("query", tokens, 576, 576, 1), ("key", tokens, 192, 576, 1), ("gate", tokens, 1536, 576, 1),
    ("down", tokens, 576, 1536, 1), ("head", tokens, 49152, 576, 1),
    ("head backward", tokens, 576, 49152, 1), ("adapter A", tokens, 8, 576, 1),
    ("adapter B", tokens, 576, 8, 1), ("adapter B gradient", 1536, 8, tokens, 1),
    ("adapter A gradient", 8, 576, tokens, 1), ("scores", 128, 128, 64, 9 * sequences),
    ("values", 128, 64, 128, 9 * sequences),
]
for name, m, n, k, products in SHAPES:
    a, b = torch.randn(products, m, k), torch.randn(products, n, k)
    c = torch.empty(products, m, n)
    best = float("inf")
    for _ in range(15):
        start = time.perf_counter()
        torch.bmm(a, b.transpose(1, 2), out=c)
        best = min(best, time.perf_counter() - start)
    print(json.dumps({"name": name, "m": m, "n": n, "k": k, "products": products,
                      "gops": round(2e-9 * products * m * n * k / best, 1),
                      "microseconds": round(best * 1e6, 1), "threads": torch.get_num_threads()}))
