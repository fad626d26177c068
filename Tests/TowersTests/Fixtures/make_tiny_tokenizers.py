"""Makes the tokenizers in tiny-tokenizers/ and the ids that their own libraries give (expected.json).

    python make_tiny_tokenizers.py        (tokenizers 0.23.3, sentencepiece 0.2.x)

Each is trained on the texts below, which are our own.
"""
import json
import os
import shutil

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.join(here, "tiny-tokenizers")
shutil.rmtree(root, ignore_errors=True)
os.makedirs(root)

corpus = [
    "The bell of the old tower rings at noon, and the people of the town hear it.",
    "A steel bolt, a brass bell and 1234567 copper nails cost £5.99 or €7,50.",
    "Finding similar products: the bell-founder's towers aren't the ringer's; they'll find theirs.",
    "Straße, Café, naïve façade, El Niño, ångström; ПРИВЕТ мир, здравствуй мир.",
    "日本語のテキスト、東京タワーの鐘。中文文本：钟楼的钟声。한국어 텍스트와 종탑.",
    "مرحبا بالعالم, שלום עולם, สวัสดีชาวโลก, नमस्ते दुनिया.",
    "def bell(tower):\n    return tower.ring(times=12)\n\n\n\tprint(bell)  # ring\r\n",
    "👩‍👩‍👧 🔔🔔 ½ ① ﬁ Ⅻ ≠ “quoted” — dashes… and   many    spaces",
] * 3
texts = [
    "", " ", "   ", "\n", "\t\r\n", "the bell", " the bell of the tower", "the bell  rings   at noon ", "Bells, TOWERS!",
    "I'll say it's the ringer's, don't you've THEY'LL 'S", "12345 1234567890 3.14 ½ Ⅻ ② ٣٤",
    "Straße CAFÉ Cafe\u0301 naïve e\u0323\u0307 ångström Å", "ПРИВЕТ, мир ΟΔΥΣΣΕΥΣ İstanbul", "日本語のﾃｷｽﾄ 钟楼 한국어 한",
    "สวัสดีชาวโลก नमस्ते مرحبا שלום", "👩‍👩‍👧 🔔 🇩🇪🇫🇷 ❤️", "a\u0000b\u0001c\u200bd\ufffde\ufefff\u00adg", "x" * 70,
    "ring " * 40, "<s>the</s> bell<mask> <item>x <ITEM> brand brands xbrand", "the\u2581bell\u2581\u2581tower \u2581",
    "  leading and trailing\u3000\u00a0 ", "ﬁne ｆｕｌｌ width ＡＢＣ \u2126 \u212b \u1e9b\u0323", "\r\n\r\n  \n x\n\n\ny",
    "http://bell.tower/ring?times=12&at=noon#x", "((())) !!! ... --- ___ $£€ +=<>|~^`", "ſ ẞ ß ΑΣ ﬀ ǅ", "\U0001f468\U0001f3fd\u200d\U0001f4bb a\u20e3",
    "가각 각 \u1100\u1161 ｱﾞ が か\u3099",
]
expected = {"texts": texts, "ids": {}}


def save(name, tokenizer, check=None):
    folder = os.path.join(root, name)
    os.makedirs(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    expected["ids"][name] = [tokenizer.encode(text).ids for text in texts]
    return folder


def train_bpe(tokenizer, size, special, **options):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, **options)
    tokenizer.train_from_iterator(corpus, trainer)


alphabet = pre_tokenizers.ByteLevel.alphabet()

# RoBERTa: byte-level BPE, <s> … </s>, a mask that takes the space before it.
roberta = Tokenizer(models.BPE())
roberta.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
train_bpe(roberta, 420, ["<s>", "<pad>", "</s>", "<unk>"], initial_alphabet=alphabet)
roberta.add_special_tokens([AddedToken("<mask>", lstrip=True)])
roberta.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
folder = save("roberta", roberta)
roberta.model.save(folder)
with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as file:
    vocabulary = json.load(file)
pair = os.path.join(root, "roberta-files")
os.makedirs(pair)
vocabulary["<mask>"] = roberta.token_to_id("<mask>")
with open(os.path.join(pair, "vocab.json"), "w", encoding="utf-8") as file:
    json.dump(vocabulary, file, ensure_ascii=False)
os.remove(os.path.join(folder, "vocab.json"))
os.rename(os.path.join(folder, "merges.txt"), os.path.join(pair, "merges.txt"))
with open(os.path.join(pair, "tokenizer_config.json"), "w") as file:
    json.dump({"tokenizer_class": "RobertaTokenizer"}, file)
expected["ids"]["roberta-files"] = expected["ids"]["roberta"]

# Newer byte-level files: their own patterns, whole words taken from the vocabulary first, NFC.
split = Tokenizer(models.BPE(ignore_merges=True))
split.normalizer = normalizers.NFC()
pattern = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
split.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
)
train_bpe(split, 400, ["<s>"], initial_alphabet=alphabet)
split.add_tokens([AddedToken("brand", single_word=True), AddedToken("<item>", rstrip=True, lstrip=True)])
split.post_processor = processors.Sequence(
    [
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)]),
    ]
)
save("byte-level-split", split)

# Several cuts one after the other, NFKC, a space before the first word.
cuts = Tokenizer(models.BPE())
cuts.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
cuts.pre_tokenizer = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Punctuation("merged_with_previous"),
        pre_tokenizers.Split(Regex(r"[一-龥]+"), "merged_with_next"),
        pre_tokenizers.ByteLevel(add_prefix_space=True),
    ]
)
train_bpe(cuts, 380, [], initial_alphabet=alphabet)
save("byte-level-cuts", cuts)

# Llama: BPE of characters, unknown ones become bytes, no pre-tokenizer.
llama = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
llama.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
llama.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
train_bpe(llama, 520, ["<unk>", "<s>", "</s>", *bytes_], limit_alphabet=80)
llama = json.loads(llama.to_str())
llama["pre_tokenizer"] = None
llama["added_tokens"] = llama["added_tokens"][:3]
llama = Tokenizer.from_str(json.dumps(llama))
llama.post_processor = processors.TemplateProcessing(
    single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
)
save("llama", llama)

# The same with an unknown token and a Metaspace before the first word only.
unknown = Tokenizer(models.BPE(unk_token="<unk>"))
unknown.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
train_bpe(unknown, 200, ["<unk>", "</s>"], limit_alphabet=60)
save("bpe-unknown", unknown)

# CLIP: lower case, the last character of a word is its own symbol.
clip = Tokenizer(models.BPE(unk_token="<|endoftext|>", continuing_subword_prefix="", end_of_word_suffix="</w>"))
clip.normalizer = normalizers.Sequence(
    [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
)
clip.pre_tokenizer = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(
            Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True
        ),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]
)
train_bpe(
    clip, 640, ["<|startoftext|>", "<|endoftext|>"], initial_alphabet=alphabet, end_of_word_suffix="</w>",
)
data = json.loads(clip.to_str())
for byte in alphabet:
    data["model"]["vocab"].setdefault(byte + "</w>", len(data["model"]["vocab"]))
clip = Tokenizer.from_str(json.dumps(data))
clip.post_processor = processors.RobertaProcessing(
    ("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False
)
folder = save("clip", clip)
pair = os.path.join(root, "clip-files")
os.makedirs(pair)
clip.model.save(pair)
with open(os.path.join(pair, "tokenizer_config.json"), "w") as file:
    json.dump({"tokenizer_class": "CLIPTokenizerFast"}, file)
expected["ids"]["clip-files"] = expected["ids"]["clip"]

# SentencePiece's own files. Rules of our own keep the character map small.
rules = os.path.join(root, "rules.tsv")
with open(rules, "w", encoding="utf-8") as file:
    for source, target in [
        ("\u3000", " "), ("\u00a0", " "), ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", ""), ("\u0001", ""),
        ("\ufb01", "fi"), ("\ufb00", "ff"), ("½", "1⁄2"), ("①", "1"), ("②", "2"), ("Ⅻ", "XII"), ("e\u0301", "\u00e9"),
        ("\u212b", "\u00c5"), ("…", "..."), ("ｆ", "f"), ("ｕ", "u"), ("ｌ", "l"), ("Ａ", "A"), ("Ｂ", "B"), ("Ｃ", "C"),
        ("ﾃ", "テ"), ("ｷ", "キ"), ("ｽ", "ス"), ("ﾄ", "ト"), ("ｱ", "ア"), ("か\u3099", "\u304c"),
        ("\u1100\u1161", "\uac00"), ("❤", "♥"),
    ]:
        code = lambda text: " ".join(f"{ord(scalar):X}" for scalar in text)
        file.write(f"{code(source)}\t{code(target)}\n")
training = os.path.join(root, "corpus.txt")
with open(training, "w", encoding="utf-8") as file:
    file.write("\n".join(" ".join(text.split()) for text in corpus))


def sentencepiece_model(name, **options):
    folder = os.path.join(root, name)
    os.makedirs(folder)
    sentencepiece.SentencePieceTrainer.train(
        input=training, model_prefix=os.path.join(folder, "sp"), normalization_rule_tsv=rules, num_threads=1,
        minloglevel=2, hard_vocab_limit=False, **options,
    )
    os.remove(os.path.join(folder, "sp.vocab"))
    processor = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "sp.model"))
    expected["ids"][name] = [processor.encode(text) for text in texts]
    return os.path.join(folder, "sp.model")


unigram_file = sentencepiece_model("sp-unigram", vocab_size=260, model_type="unigram", character_coverage=0.98)
sentencepiece_model(
    "sp-unigram-bytes", vocab_size=480, model_type="unigram", byte_fallback=True, user_defined_symbols=["<item>", "bell"],
    character_coverage=0.98, remove_extra_whitespaces=False,
)
sentencepiece_model("sp-bpe", vocab_size=300, model_type="bpe", user_defined_symbols=["<item>"], add_dummy_prefix=False)
sentencepiece_model(
    "sp-bpe-bytes", vocab_size=480, model_type="bpe", byte_fallback=True, character_coverage=0.98,
    treat_whitespace_as_suffix=True,
)

# XLM-R: the unigram model as a tokenizer.json.
from sentencepiece import sentencepiece_model_pb2  # noqa: E402

proto = sentencepiece_model_pb2.ModelProto()
with open(unigram_file, "rb") as file:
    proto.ParseFromString(file.read())
pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
pieces += [(piece.piece, piece.score) for piece in proto.pieces[3:]] + [("<mask>", 0.0)]


def unigram(name, vocabulary, normalizer, pre_tokenizer, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram(vocabulary, 3, byte_fallback))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    save(name, tokenizer)


charsmap = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
unigram(
    "xlm-roberta", pieces, charsmap,
    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
)
unigram(
    "unigram-metaspace", pieces + [(byte, -20.0) for byte in bytes_],
    normalizers.Sequence([charsmap, normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), "▁")]),
    pre_tokenizers.Metaspace(), byte_fallback=True,
)
unigram(
    "unigram-lower", pieces,
    normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    ),
    pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Metaspace(prepend_scheme="first", split=False)]
    ),
)
os.remove(rules)
os.remove(training)
with open(os.path.join(root, "expected.json"), "w", encoding="utf-8") as file:
    json.dump(expected, file, separators=(",", ":"))
    file.write("\n")
