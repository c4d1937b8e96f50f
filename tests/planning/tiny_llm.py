"""A llama of a few thousand random weights in a GGUF file, and a real llama.cpp server for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WIDTH, INNER, LAYERS, HEADS = 32, 64, 2, 4
CHAT = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def write_model(path: Path, seed: int = 0) -> None:
    """Write the model file. Bytes from 0x80 are control tokens, else random weights emit broken UTF-8."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(16384)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    tokens = _add_tokenizer(writer)
    _add_weights(writer, tokens, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter) -> int:
    kinds = gguf.TokenType
    rows = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    rows += [(f"<0x{byte:02X}>", kinds.BYTE if byte < 0x80 else kinds.CONTROL) for byte in range(256)]
    rows += [(chr(code), kinds.NORMAL) for code in range(33, 127)] + [("\u2581", kinds.NORMAL)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in rows])
    writer.add_token_scores([0.0 if kind != kinds.NORMAL else -1.0 for _, kind in rows])
    writer.add_token_types([kind for _, kind in rows])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(CHAT)
    return len(rows)


def _add_weights(writer: gguf.GGUFWriter, tokens: int, rng: np.random.Generator) -> None:
    def add(name: str, *shape: int) -> None:
        data = np.ones(shape) if "norm" in name else rng.normal(0, 0.05, shape)
        writer.add_tensor(f"{name}.weight", data.astype(np.float32))

    add("token_embd", tokens, WIDTH)
    add("output", tokens, WIDTH)
    add("output_norm", WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}", WIDTH, WIDTH)
        for name in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{name}", WIDTH)
        add(f"blk.{layer}.ffn_gate", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down", WIDTH, INNER)


@contextmanager
def llama_server(model: Path) -> Iterator[str]:
    """Its address, ending in /v1."""
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.n_ctx = 16384
    settings.n_parallel = 1
    settings.warmup = False
    settings.sampling.seed = 1
    # more threads than free cores wait for each other at every layer
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    server = xllamacpp.Server(settings)
    try:
        yield server.listening_address + "/v1"
    finally:
        del server
