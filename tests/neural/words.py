"""Tokenizers that know letters, for tiny text encoders: built here, because none can be fetched."""

from string import ascii_lowercase, digits


def _letters():
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    pieces = ["<pad>", "</s>", "<unk>", "▁", *ascii_lowercase, *digits, *",.#/[]-_:|<>\n"]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=2))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, len(pieces)


#: What tokenizers call their own pieces.
SPECIAL = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def t5_tokenizer():
    """A T5 tokenizer and the number of pieces it knows."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer, size = _letters()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return (
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **SPECIAL),
        size,
    )


def plain_tokenizer():
    """A tokenizer that adds nothing, and the number of pieces it knows."""
    from transformers import PreTrainedTokenizerFast

    tokenizer, size = _letters()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL), size
