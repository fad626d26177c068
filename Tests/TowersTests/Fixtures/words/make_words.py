"""Words of texts by UAX #29, as `uniseg` cuts them: `pip install uniseg==0.10.1; python make_words.py > words.json`.

The texts are ours, or drawn of characters of many scripts. No colon is in them: UAX #29 joins letters by it, and CLDR does not.
"""

import json
import random
import unicodedata

import uniseg.wordbreak

TEXTS = [
    "Hello, wi-fi: 3.5mm jack!".replace(":", ""),
    "don’t can't o'neill's '90s",
    "U.S.A. e.g. example.com v1.2.3 1,000.50 50% $3.99",
    "foo_bar __init__ _ a_1",
    "日本語 ひらがな カタカナ ﾊﾝｶｸﾞ 漢字かな交じり文",
    "ภาษาไทย ພາສາລາວ ខ្មែរ မြန်မာ",
    "עברית צה\"ל ג'ירפה",
    "اللغة العربية ١٢٣٫٥",
    "हिन्दी भाषा नमस्ते",
    "한국어 텍스트",
    "Ελληνικά Русский язык",
    "emoji 👩‍👩‍👧 🇩🇪 ok❤️ 5️⃣",
    "ﬁne ＦＵＬＬ ½ ² ① Ⅷ",
    "a\u0301b\u0308 e\u0301\u0302",
    "  \t\n ",
    "...!?—–-",
    "",
    "x" * 300,
    "soft\u00adhyphen zero\u200bwidth join\u200der",
]
RANGES = [
    (0x20, 0x39), (0x3B, 0x7E), (0xA0, 0x17F), (0x2BC, 0x2BD), (0x300, 0x310), (0x391, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA),
    (0x5F3, 0x5F4), (0x621, 0x64A), (0x660, 0x66C), (0x904, 0x94D), (0xE01, 0xE3A), (0xE40, 0xE59), (0x2018, 0x2019), (0x2024, 0x2027),
    (0x203F, 0x2040), (0x2044, 0x2044), (0x3041, 0x3096), (0x30A1, 0x30FF), (0x4E00, 0x4E20), (0xAC00, 0xAC10), (0xFF66, 0xFF9D),
    (0xFF07, 0xFF0E), (0x1F600, 0x1F610), (0x200B, 0x200D),
]


def drawn(generator):
    return "".join(
        chr(generator.randint(*generator.choice(RANGES))) if generator.random() < 0.7 else generator.choice(" ab1.,'\"_")
        for _ in range(generator.randint(1, 30)))


def is_word(text):
    return any(unicodedata.category(c)[0] in "LN" or c in "\u05f3\u066b" for c in text)


generator = random.Random(29)
texts = TEXTS + [drawn(generator) for _ in range(400)]
cut = [{"text": text, "words": [word for word in uniseg.wordbreak.words(text) if is_word(word)]} for text in texts]
print(json.dumps(cut, ensure_ascii=True, indent=0))
