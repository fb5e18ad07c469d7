"""Builds a tiny random Qwen2-shaped model that talks in short ASCII words, with its own tokenizer and chat template.

``python -m tests.vllm.tiny_model DIR`` writes it: config, weights (safetensors), tokenizer, generation config;
about half a megabyte, the same bytes every time. vLLM serves the folder, and ``AutoModelForCausalLM`` and
``AutoTokenizer`` load it.

Tokens are the 256 bytes and three specials, so any text in any script can be tokenised, and a prompt is as many
tokens as its UTF-8 bytes (composed, as Qwen's tokenizer does). The chat template is ChatML.

What it says is noise, but noise of a useful shape, so that whole sessions stay short without ``max_tokens``:

- free text is lower-case words and spaces, never empty, about 40 characters (it ends by a choice at a ``"``);
- under a JSON grammar a string is about 25 characters and never empty, a number mostly of one digit, an optional list
  mostly empty, a boolean ``false``, and whatever may be null has a value.

How: a token's embedding is one large number on the axis of its kind (letter, space, quote, colon, ...) and small
noise on the axes of no kind. Attention and MLP are random and write on the latter only, so the last hidden state
still says of which kind the last token was; and the head, which is not tied to the embedding, holds on the axis of
each kind the logarithm of how likely each next token is after it: a table of which byte follows which kind of byte.
On the other axes the head is noise, so the logits depend a little on the whole prompt, and a server that mixes up its
key-value cache is not invisible. A grammar only masks this table: what it allows keeps its odds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer
from transformers.utils.logging import disable_progress_bar

__all__ = ["CONTEXT", "build", "main"]

CONTEXT = 65_536
"""The longest prompt with its answer, in tokens."""

_SEED = 20_240_917
_HIDDEN, _LAYERS, _HEADS = 64, 2, 2  # heads of 32: the smallest that vLLM's CPU kernels know
_STRONG = 4.0  # the embedding on the axis of its kind, against noise of 0.1 on the others
_NOISE, _HEAD_NOISE = 0.1, 0.15
_NORMED = 7.55  # what the last norm makes of the strong axis: a little less than the root of the width
_NEVER = 1e-13

_END, _START, _PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

_LETTERS = {  # roughly English
    **{"e": 12.0, "t": 9.0, "a": 8.2, "o": 7.5, "i": 7.0, "n": 6.7, "s": 6.3, "h": 6.1, "r": 6.0, "d": 4.3},
    **{"l": 4.0, "c": 2.8, "u": 2.8, "m": 2.4, "w": 2.4, "f": 2.2, "g": 2.0, "y": 2.0, "p": 1.9, "b": 1.5},
    **{"v": 1.0, "k": 0.8, "j": 0.2, "x": 0.2, "q": 0.2, "z": 0.2},
}
_KINDS: dict[str, str] = {  # kind: its characters; all others count as "other"
    "letter": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "space": " ",
    "quote": '"',
    "open list": "[",
    "close": "]}",
    "open object": "{",
    "colon": ":",
    "comma": ",",
    "digit": "0123456789",
    "newline": "\n",  # stands before the first token of an answer
    "other": "",
}
_AFTER: dict[str, dict[str, float]] = {
    # kind of the last token: odds of what comes next; "letters" is shared out by frequency
    "letter": {"letters": 77, " ": 18, '"': 4, ",": 0.5, ".": 0.5},
    "space": {"letters": 100},
    "quote": {"letters": 100, _END: 130, ",": 0.01, "]": 0.015, "}": 0.015, ":": 0.01},
    "open list": {"]": 85, '"': 15, "{": 15, "digits": 15},
    "close": {",": 20, "]": 60, "}": 60, _END: 500},
    "open object": {'"': 90, "}": 10},
    "colon": {'"': 60, "digits": 60, "[": 10, "{": 10, "f": 10, "t": 1e-5, "n": 1e-5},
    "comma": {" ": 60, '"': 30, "digits": 10, "{": 10, "letters": 1},
    "digit": {",": 40, "}": 40, "]": 40, "digits": 10, '"': 10, " ": 1, _END: 1, ".": 1e-3},
    "newline": {"letters": 100, "{": 1e-3, "[": 1e-3, '"': 1e-3, "digits": 1e-3},
    "other": {"letters": 50, " ": 50},
}
_ANY_ASCII = 1e-4  # odds of each other printable character, so that a grammar that asks for it can have it


def build(folder: Path) -> Path:
    """Write model and tokenizer into ``folder``, which is made where it is missing.

    Returns:
        The folder.
    """
    disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    _model(tokenizer).save_pretrained(folder)
    return folder


def _tokenizer() -> Qwen2Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return Qwen2Tokenizer(
        vocab={character: number for number, character in enumerate(alphabet)},
        merges=[],
        unk_token=_PAD,
        pad_token=_PAD,
        eos_token=_END,
        extra_special_tokens=[_START],
        chat_template=_TEMPLATE,
        model_max_length=CONTEXT,
    )


def _model(tokenizer: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    end, pad = tokenizer.convert_tokens_to_ids([_END, _PAD])
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=_HIDDEN,
        intermediate_size=2 * _HIDDEN,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        dtype="float32",
    )
    chance = torch.Generator().manual_seed(_SEED)
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "norm" not in name:
                weights.copy_(torch.randn(weights.shape, generator=chance) * 0.05)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weights[: len(_KINDS)] = 0.0  # no layer writes on the axes of the kinds
        model.model.embed_tokens.weight.copy_(_embedding(tokenizer, chance))
        model.lm_head.weight.copy_(_head(tokenizer, chance))
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad, do_sample=True)
    return model


def _embedding(tokenizer: Qwen2Tokenizer, chance: torch.Generator) -> torch.Tensor:
    rows = torch.randn((len(tokenizer), _HIDDEN), generator=chance) * _NOISE
    rows[:, : len(_KINDS)] = 0.0
    kind_of = {character: number for number, (_, characters) in enumerate(_KINDS.items()) for character in characters}
    for token in range(len(tokenizer)):
        rows[token, kind_of.get(tokenizer.decode([token]), len(_KINDS) - 1)] = _STRONG
    return rows


def _head(tokenizer: Qwen2Tokenizer, chance: torch.Generator) -> torch.Tensor:
    rows = torch.randn((len(tokenizer), _HIDDEN), generator=chance) * _HEAD_NOISE
    rows[:, : len(_KINDS)] = 0.0
    printable = "".join(map(chr, range(32, 127)))
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    for number, kind in enumerate(_KINDS):
        odds = dict.fromkeys(printable, _ANY_ASCII) | {"\\": _NEVER} | _shared_out(_AFTER[kind])
        whole = sum(odds.values())
        logits = torch.tensor([odds.get(text, _NEVER) / whole for text in texts]).log()
        rows[:, number] = logits / _NORMED
    return rows


def _shared_out(odds: Mapping[str, float]) -> dict[str, float]:
    letters = {letter: share / 100 * odds.get("letters", 0.0) for letter, share in _LETTERS.items()}
    digits = {str(digit): odds.get("digits", 0.0) / 10 for digit in range(10)}
    found = {text: share for text, share in (letters | digits).items() if share}
    return found | {text: share for text, share in odds.items() if len(text) == 1 or text == _END}


def main() -> int:
    """Build into the folder that the command line names."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m tests.vllm.tiny_model DIR\n")
        return 2
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
